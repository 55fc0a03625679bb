"""Ways of tampering with what is kept: each kind of change to each object of a store, to the
registry beside it, and to the whole, by somebody who knows how the chain of hashes is made. All of
them are found by `audit verify`.

What it cannot find is named in docs/security.md, and is not tried here.
"""

import json
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

from modelmedic.steps.adapters.store.folder import FolderStore
from modelmedic.steps.approval.answers import give
from modelmedic.steps.contracts.codec import sha256
from modelmedic.steps.contracts.detection import Verdict
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.keys import audit_head_key, audit_key, model_hash, policy_key, verdict_key
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.contracts.words import Cause, Remedy, VerdictState
from modelmedic.steps.core.records.anchor import NAME
from modelmedic.steps.core.records.chain import Head, written
from modelmedic.steps.heal.engine import heal
from modelmedic.steps.incidents.opening import open_by_hand
from modelmedic.steps.reconcile.assess import _note
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.documents import keep
from modelmedic.steps.records.known_models import by_hash
from modelmedic.steps.records.verify import Witness, verify
from modelmedic.steps.rollout.undo import undo
from modelmedic.steps.runtime.anchoring import anchor
from modelmedic.steps.runtime.run import Run, advance
from modelmedic.steps.runtime.versions import registration
from tests.adversary.attack import HELD, Attack, Result, not_held
from tests.adversary.kills import _step
from tests.fakes.registry import FakeRegistry
from tests.worlds.deployed import DeployedWorld
from tests.worlds.played import WINDOW
from tests.worlds.results import diagnosed

_GROUP = "tampering"
_MODEL = "churn"
_HASHED = model_hash(_MODEL)
_KEY = b"k" * 32
_NAMED = ("notifications/", "reports/", "leases/", "probe/", "models/", "reference/", "snapshots/")  # docs/security.md says why
_SAME_WITH_A_SPACE = (audit_head_key(_HASHED), "policies/")  # read for what they say, and no hash names their bytes
Kind = Callable[[Path, Path, random.Random], None]  # the object, the store, and chance


class _Site:
    """A store on disk with its registry, and copies of the store as it was earlier."""

    def __init__(self, folder: Path) -> None:
        (folder / "site").mkdir()
        self.world = DeployedWorld(folder / "site", approval="needed")
        site = self.world.site
        self.root, self.registry, self.clock = folder / "store", self.world.registry, site.clock
        store = FolderStore(self.root)
        for key in site.store.list(""):
            store.create(key, site.store.get(key).data)
        self.site = replace(site, store=store, anchor_key=_KEY)
        self.earlier: list[Path] = []

    def kept(self) -> None:
        anchor(self.site)
        place = self.root.with_name(f"earlier-{len(self.earlier)}")
        shutil.copytree(self.root, place)
        self.earlier.append(place)

    def check(self) -> list[str]:
        store = FolderStore(self.root)
        known = by_hash(store)
        witness = Witness(self.registry, "champion", _KEY)
        faults = [] if _HASHED in known else ["the model is gone"]
        for hashed, model in known.items():
            found = verify(store, self.clock, hashed, model, witness if hashed == _HASHED else None)
            faults += [fault.sentence for fault in found.faults if not fault.harmless]
        return faults


def _life(folder: Path) -> _Site:
    """An approved heal, its assessment and undoing, rows set aside, a shift acknowledged, a freeze
    and its lift, verdicts, and an incident that is open.
    """
    it = _Site(folder)
    site, first = it.site, Run(it.site, it.world.run.incident)
    keep(site.store, policy_key(site.policy.hash), site.policy)
    model = site.work / "third"
    model.mkdir()
    (model / "MLmodel").write_text("flavors: {}\n")
    advance(site, registration(site, model, "third", {}, {}))
    it.kept()
    heal(first, step=_step)
    it.kept()
    give(site.store, site.clock, first.incident.id, approved=True, by="ann", policy=site.policy)
    heal(first, step=_step)
    it.kept()
    said = site.ledger.assess(first.incident, False, "it lost more")
    _note(first, said)
    site.clock.sleep(timedelta(hours=1))
    undo(first, by="bob", reason="it lost more")
    it.kept()
    for remedy, cause in ((Remedy.QUARANTINE, Cause.DATA_QUALITY), (Remedy.NONE, Cause.SEASONAL)):
        found = diagnosed(remedy, found=Diagnosis(cause, 0.9, ("age",), sentence="made up"), champion="1", window=WINDOW)
        heal(open_by_hand(site), step=partial(_step, said=found))
        it.kept()
    site.freezes.freeze(_MODEL, by="ann", reason="sale")
    site.freezes.lift(_MODEL, by="ann", reason="over")
    for day in range(3):
        end = WINDOW.end + timedelta(days=day)
        key = verdict_key(_MODEL, "1", end)
        verdict = Verdict(VerdictState.QUIET, 9, 9, window=replace(WINDOW, end=end), measured_at=site.clock.now(), model_version="1")
        keep(site.store, key, verdict)
        site.once("drift.measured", key, {"window": verdict.window}, documents=[key])
    it.kept()
    open_by_hand(site)
    anchor(site)
    return it


@cache
def _made() -> _Site:
    """Made once a run; every attack gets a copy."""
    return _life(Path(_place().name))


@cache
def _place() -> tempfile.TemporaryDirectory[str]:
    """Gone with the process that made it."""
    return tempfile.TemporaryDirectory(prefix="tampering-")


def _copied(folder: Path) -> _Site:
    made = _made()
    it = object.__new__(_Site)
    it.__dict__.update(made.__dict__)
    it.root = folder / "store"
    shutil.copytree(made.root, it.root)
    registry = FakeRegistry(folder / "registry", _MODEL)
    registry.__dict__.update({name: value.copy() if isinstance(value, dict) else value for name, value in made.registry.__dict__.items()})
    it.registry = registry
    return it


def _objects() -> list[str]:
    return [key for key in FolderStore(_made().root).list("") if not key.startswith(_NAMED) and not _of_open(key)]


def _of_open(key: str) -> bool:
    """What close itself stores last is held against the closing, and its page's key against
    nothing.
    """
    return key.endswith("/stages/close.json")


def _flipped(path: Path, _store: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def _edited(path: Path, _store: Path, rng: random.Random) -> None:
    """A value changed, and written as this program writes it."""
    said = json.loads(path.read_bytes())
    names = [name for name in said if name != "format"]
    name = rng.choice([name for name in names if name in _NEEDED] or names)
    said[name] = f"{said[name]}x" if isinstance(said[name], str) else {"changed": True}
    path.write_text(json.dumps(said, sort_keys=True, separators=(",", ":")))


_NEEDED = ("metadata", "registry", "serving")  # of a policy: the rest may be its own default


def _spaced(path: Path, _store: Path, _rng: random.Random) -> None:
    path.write_bytes(path.read_bytes() + b" ")


def _cut(path: Path, _store: Path, rng: random.Random) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: rng.randrange(len(data))])


def _removed(path: Path, _store: Path, _rng: random.Random) -> None:
    path.unlink()


def _linked(path: Path, store: Path, _rng: random.Random) -> None:
    """The same bytes for now, from a place where they can be changed later."""
    elsewhere = store.parent / "elsewhere"
    shutil.move(path, elsewhere)
    path.symlink_to(elsewhere)


def _replaced(path: Path, _store: Path, rng: random.Random) -> None:
    """Another object of its folder in its place; where there is none, something else."""
    others = [other for other in path.parent.iterdir() if other != path and other.is_file() and other.read_bytes() != path.read_bytes()]
    path.write_bytes(rng.choice(sorted(others)).read_bytes() if others else b'{"format":1}')


_KINDS: dict[str, Kind] = {
    "a bit of": _flipped,
    "a value of": _edited,
    "a space behind": _spaced,
    "the end of": _cut,
    "all of": _removed,
    "a link in the place of": _linked,
    "another one in the place of": _replaced,
}


def attacks(seed: int) -> Iterator[Attack]:
    if _untouched():
        raise AssertionError(f"the untouched store has faults: {_untouched()}")
    for key in _objects():
        for kind in _KINDS:
            if kind == "a space behind" and key.startswith(_SAME_WITH_A_SPACE):
                continue
            yield Attack(f"{kind} {key}", _GROUP, partial(_object, key, kind, f"{seed}/{key}/{kind}"))
    for number in range(len(_made().earlier)):
        for part in ("", "audit", "incidents", f"audit/{_HASHED}", f"incidents/{_HASHED}/000001"):
            if _differs(_made().root / part, _made().earlier[number] / part):
                yield Attack(f"{part or 'the store'} as it was at {number}", _GROUP, partial(_set_back, number, part))
    for name in _WHOLE:
        yield Attack(name, _GROUP, partial(_whole, name))


@cache
def _untouched() -> tuple[str, ...]:
    return tuple(_made().check())


def _differs(now: Path, then: Path) -> bool:
    def content(place: Path) -> dict[str, bytes]:
        return {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()}

    return content(now) != content(then)


def _object(key: str, kind: str, chance: str, folder: Path) -> Result:
    it = _copied(folder)
    _KINDS[kind](it.root / key, it.root, random.Random(chance))
    return HELD if it.check() else not_held("nothing was found")


def _set_back(number: int, part: str, folder: Path) -> Result:
    it = _copied(folder)
    now, then = it.root / part, it.earlier[number] / part
    shutil.rmtree(now)
    if then.exists():
        shutil.copytree(then, now)
    return HELD if it.check() else not_held("nothing was found")


def _whole(name: str, folder: Path) -> Result:
    it = _copied(folder)
    _WHOLE[name](it)
    return HELD if it.check() else not_held("nothing was found")


def _all_but_first(it: _Site) -> None:
    for path in sorted((it.root / "audit" / _HASHED).iterdir())[1:]:
        path.unlink()


def _tail(it: _Site, left: int) -> None:
    """The last records dropped, and the head set to what is left."""
    store = FolderStore(it.root)
    last = max(AuditTrail(store, _MODEL, it.clock, "me").length() - left, 1)
    for path in sorted((it.root / "audit" / _HASHED).glob("0*.json"))[last:]:
        path.unlink()
    _head(it, last)


def _head(it: _Site, last: int) -> None:
    found = sha256((it.root / audit_key(_HASHED, last)).read_bytes())
    (it.root / audit_head_key(_HASHED)).write_text(json.dumps({"format": 1, "hash": found, "sequence": last}, sort_keys=True))


def _rewritten(it: _Site, start: int) -> None:
    """A fact changed, and every record from there on written anew, as this program writes it."""
    store: ObjectStore = FolderStore(it.root)
    records = list(AuditTrail(store, _MODEL, it.clock, "me").records())
    previous = sha256(store.get(audit_key(_HASHED, start - 1)).data) if start > 1 else records[0].previous
    for record in records[start - 1 :]:
        facts: dict[str, Any] = {**record.facts, "changed": True} if record.sequence == start else dict(record.facts)
        data = written(replace(record, previous=previous, facts=facts))
        (it.root / audit_key(_HASHED, record.sequence)).write_bytes(data)
        previous = sha256(data)
    _head(it, len(records))


def _forged(it: _Site, source: str, target: str, **changes: Any) -> None:
    said = {**json.loads((it.root / source).read_bytes()), **changes}
    (it.root / target).parent.mkdir(parents=True, exist_ok=True)
    (it.root / target).write_text(json.dumps(said, sort_keys=True))


def _one(it: _Site, folder: str) -> str:
    path = sorted(path for path in (it.root / folder).rglob("*.json"))[-1]
    return path.relative_to(it.root).as_posix()


_OPEN = f"incidents/{_HASHED}/000004/"
_FIRST = f"incidents/{_HASHED}/000001/"
_WHOLE: dict[str, Callable[[_Site], object]] = {
    "all records but the first": _all_but_first,
    "the trail's folder": lambda it: shutil.rmtree(it.root / "audit" / _HASHED),
    "every trail": lambda it: shutil.rmtree(it.root / "audit"),
    "trail and incidents": lambda it: [shutil.rmtree(it.root / part) for part in ("audit", "incidents")],
    "the trail's folder behind a link": lambda it: (
        shutil.move(it.root / "audit" / _HASHED, it.root.parent / "away"),
        (it.root / "audit" / _HASHED).symlink_to(it.root.parent / "away"),
    ),
    **{f"the last {left} records, the head set to what is left": partial(_tail, left=left) for left in (1, 2, 5, 20, 1000)},
    **{f"the chain written anew from record {start}": partial(_rewritten, start=start) for start in (1, 2, 5, 10, 20, 30)},
    "a forged closing of an open incident": lambda it: _forged(it, f"{_FIRST}closed.json", f"{_OPEN}closed.json"),
    "a forged answer": lambda it: _forged(it, f"{_FIRST}answers/000001.json", f"{_FIRST}answers/000002.json", by="eve"),
    "a forged stage of a closed incident": lambda it: _forged(it, f"{_FIRST}stages/diagnose.json", f"{_FIRST}stages/rollback.json"),
    "a forged incident": lambda it: _forged(
        it, f"{_OPEN}opened.json", f"incidents/{_HASHED}/000005/opened.json", epoch=5, id=f"{_HASHED}-5"
    ),
    "a forged release": lambda it: _forged(it, _one(it, "releases"), f"releases/{_HASHED}/20990101T000000.000000Z-9.json", version="9"),
    "a forged verdict": lambda it: _forged(it, _one(it, "verdicts"), f"verdicts/{_HASHED}/1/20990101T000000Z.json", state="drifted"),
    "a forged look": lambda it: _forged(it, _one(it, "releases"), f"ageing/{_HASHED}/20990101T000000Z.json", at="2099-01-01T00:00:00Z"),
    "a forged quarantine": lambda it: _forged(
        it, _one(it, "quarantine"), f"quarantine/{_HASHED}/{'0' * 64}.json", at="2099-01-01T00:00:00Z"
    ),
    "a forged acknowledgement": lambda it: _forged(
        it, _one(it, "acknowledged"), f"acknowledged/{_HASHED}/{'0' * 64}.json", at="2099-01-01T00:00:00Z"
    ),
    "a freeze that was lifted holds again": lambda it: _forged(it, _one(it, "control"), _one(it, "control"), lifted=False),
    "a version's digest in the registry": lambda it: it.registry._versions.__setitem__(
        "3", replace(it.registry._versions["3"], digest="0" * 64)
    ),
    "a version in the registry": lambda it: it.registry._versions.pop("3"),
    "the alias": lambda it: it.registry._aliases.__setitem__("champion", "2"),
    "the alias away": lambda it: it.registry._aliases.pop("champion"),
    "the whole registry": lambda it: (it.registry._versions.clear(), it.registry._aliases.clear(), it.registry._remarks.clear()),
    "the anchor": lambda it: it.registry._remarks.pop(NAME),
    "the anchor's signature": lambda it: it.registry._remarks.__setitem__(NAME, it.registry._remarks[NAME].rpartition(":")[0]),
    "the anchor to an earlier record, unsigned": lambda it: it.registry._remarks.__setitem__(NAME, _unsigned(it, 3)),
    "the anchor to nonsense": lambda it: it.registry._remarks.__setitem__(NAME, "yes"),
}


def _unsigned(it: _Site, sequence: int) -> str:
    head = Head(sequence, sha256((it.root / audit_key(_HASHED, sequence)).read_bytes()))
    return f"{head.sequence}:{head.hash}:{'0' * 64}"
