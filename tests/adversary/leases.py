"""Leases from clocks that are wrong, stores that leave out what conditions rest on, model folders
that lead elsewhere, and dry runs that promise too much.
"""

import io
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.adapters.models.files import digest, push
from modelmedic.steps.adapters.store.s3 import S3Store
from modelmedic.steps.bootstrap.in_process import bootstrap, expect_possible
from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.errors import BadInput, ModelmedicError, Refused, UnsafeStore
from modelmedic.steps.contracts.keys import lease_key
from modelmedic.steps.contracts.serving import Served
from modelmedic.steps.effects.lease import LONGEST, TTL, Claim, Lease, LeaseHeld
from modelmedic.steps.records.documents import put
from modelmedic.steps.runtime.run import Site
from tests.adversary.attack import HELD, Attack, Result, not_held
from tests.worlds import training
from tests.worlds.played import NOW, site

_GROUP = "leases"
_AHEAD = (timedelta(minutes=6), timedelta(hours=1), timedelta(days=1), timedelta(days=365), timedelta(days=2_900_000))
_SECONDS = (None, 60.0, 0.0, -1.0, 1e300)


def attacks(seed: int) -> Iterator[Attack]:
    rng = random.Random(seed)
    for ahead, seconds in product(_AHEAD, _SECONDS):
        yield Attack(f"a lease {ahead} ahead that says {seconds} s", _GROUP, partial(_dated_ahead, ahead, seconds))
    for _ in range(10):
        late = timedelta(minutes=rng.randint(6, 500_000))
        yield Attack(f"a holder whose clock is {late} ahead and who renews", _GROUP, partial(_renewed, late))
    for call, field in _ANSWERS:
        yield Attack(f"S3 answers {call} without {field}", _GROUP, partial(_left_out, call, field))
    for name in _LINKS:
        yield Attack(f"a model folder that is {name}", _GROUP, partial(_linked, name))
    for name in _REFUSALS:
        yield Attack(f"a dry run of a bootstrap, {name}", _GROUP, partial(_dry_run, name))


def _dated_ahead(ahead: timedelta, seconds: float | None, folder: Path) -> Result:
    """Nobody is held off for longer than a lease may last."""
    at = site(folder)
    put(at.store, lease_key(at.model), Claim(at.model, "dead@elsewhere:1", 7, NOW + ahead, "theirs", seconds=seconds))
    before = at.real.now()
    fence = at.lease().fence
    waited = at.real.now() - before
    if waited > LONGEST + timedelta(seconds=4):
        return not_held(f"it was waited for {waited}")
    return HELD if fence == 8 else not_held(f"the next fence is {fence}; expected 8")


def _renewed(late: timedelta, folder: Path) -> Result:
    """A holder that is alive keeps its lease, however wrong its clock is."""
    at = site(folder)
    theirs = Lease(at.store, PlayedClock(NOW + late), TTL, Claim(at.model, "alive@elsewhere:1", 1, NOW + late + TTL, "t", seconds=60.0))
    put(at.store, lease_key(at.model), theirs._claim)

    def renewing(_start: object, end: Any) -> None:
        theirs._clock = PlayedClock(end + late)
        theirs.renew()

    at.real = PlayedClock(NOW, renewing)
    try:
        at.lease()
    except LeaseHeld:
        return HELD
    return not_held("the lease was taken from a holder that renews it")


_ANSWERS = (
    ("get", "ETag"),
    ("head", "ETag"),
    ("head", "ContentLength"),
    ("put", "ETag"),
    ("swap", "ETag"),
    ("start", "UploadId"),
    ("part", "ETag"),
    ("complete", "ETag"),
    ("list", "Key"),
    ("list", "Contents"),
)


class _Client:
    """Answers as S3 does, without one field of one call."""

    def __init__(self, call: str, field: str) -> None:
        self._call, self._field = call, field
        self.meta = type("Meta", (), {"endpoint_url": "http://store.example"})

    def _answer(self, call: str, **fields: Any) -> dict[str, Any]:
        if call == self._call:
            fields = _without(fields, self._field)
        return fields

    def get_object(self, **_: Any) -> dict[str, Any]:
        return self._answer("get", Body=io.BytesIO(b"{}"), ETag='"1"')

    def head_object(self, **_: Any) -> dict[str, Any]:
        return self._answer("head", ContentLength=2, ETag='"1"')

    def put_object(self, **asked: Any) -> dict[str, Any]:
        return self._answer("swap" if "IfMatch" in asked else "put", ETag='"1"')

    def create_multipart_upload(self, **_: Any) -> dict[str, Any]:
        return self._answer("start", UploadId="1")

    def upload_part(self, **_: Any) -> dict[str, Any]:
        return self._answer("part", ETag='"1"')

    def complete_multipart_upload(self, **_: Any) -> dict[str, Any]:
        return self._answer("complete", ETag='"1"')

    def abort_multipart_upload(self, **_: Any) -> dict[str, Any]:
        return {}

    def list_objects_v2(self, **_: Any) -> dict[str, Any]:
        return self._answer("list", IsTruncated=True, Contents=[{"Key": "a"}])


def _without(fields: dict[str, Any], name: str) -> dict[str, Any]:
    return {
        field: [_without(each, name) for each in value] if isinstance(value, list) else value
        for field, value in fields.items()
        if field != name
    }


def _left_out(call: str, field: str, folder: Path) -> Result:
    """It ends in one sentence that names the object and the address."""
    store = S3Store(_Client(call, field), "bucket", part_bytes=4)
    source = folder / "file"
    source.write_bytes(b"0123456789" if call in ("start", "part", "complete") else b"0")
    calls: dict[str, Callable[[], object]] = {
        "get": lambda: store.get("a"),
        "head": lambda: store.open("a"),
        "put": lambda: store.create("a", b""),
        "swap": lambda: store.swap("a", b"", '"1"'),
        "list": lambda: list(store.list("")),
    }
    try:
        calls.get(call, lambda: store.upload("a", source))()
    except UnsafeStore as error:
        return HELD if "s3://bucket" in str(error) and "\n" not in str(error) else not_held(str(error))
    return not_held("nobody noticed")


_LINKS: dict[str, Callable[[Path, Path], None]] = {
    "a link": lambda real, link: link.symlink_to(real),
    "a link to a link": lambda real, link: ((link.parent / "between").symlink_to(real), link.symlink_to(link.parent / "between"))[-1],
    "a link with a slash": lambda real, link: link.symlink_to(f"{real}/"),
    "a link to nowhere": lambda real, link: link.symlink_to(real.parent / "nowhere"),
    "a link to itself": lambda _real, link: link.symlink_to(link),
}


def _linked(name: str, folder: Path) -> Result:
    real = folder / "real"
    real.mkdir()
    (real / "MLmodel").write_text("flavors: {}\n")
    _LINKS[name](real, folder / "model")
    store = MemoryStore()
    for call in (lambda: digest(folder / "model"), lambda: push(store, "models/1", folder / "model")):
        try:
            call()
        except BadInput:
            continue
        return not_held("it was followed")
    return HELD if not list(store.list("")) else not_held("something was uploaded")


_REFUSALS: dict[str, Callable[[Site], object]] = {
    "with a champion": lambda at: (at.registry.add_by_hand({}), at.registry.move_alias("champion", "1", expected=None)),  # type: ignore[attr-defined]
    "with a release and an emptied registry": lambda at: at.history.record_release(at.model, Release(training.NOW, "1", None)),
    "beside something that serves": lambda at: setattr(at.serving, "champion", Served("9", "d", "models/d", "http://127.0.0.1:1")),
    "under a freeze": lambda at: at.freezes.freeze(None, by="ann", reason="sale"),
    "under a freeze of the model": lambda at: at.freezes.freeze(at.model, by="ann", reason="sale"),
}


def _dry_run(name: str, folder: Path) -> Result:
    """It refuses with the sentence of the real run, and neither leaves a version."""
    rules = training.policy()
    rows = training.rows(training.START, training.START + timedelta(days=40), rules)
    at = training.site(folder, rules, rows)
    _REFUSALS[name](at)
    before, versions = len(list(at.store.list(""))), len(at.registry.versions())
    dry = _refusal(lambda: expect_possible(at, rows))
    if len(list(at.store.list(""))) != before:
        return not_held("the dry run wrote")
    real = _refusal(lambda: bootstrap(at, rows))
    if dry != real or not dry:
        return not_held(f"the dry run says {dry!r}, the real one {real!r}")
    return HELD if len(at.registry.versions()) == versions else not_held("a version was registered")


def _refusal(call: Callable[[], object]) -> str:
    try:
        call()
    except Refused as error:
        return str(error)
    except ModelmedicError as error:
        return f"{type(error).__name__}: {error}"
    return ""
