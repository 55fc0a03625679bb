"""Forged approvals: answers that nobody signed, that a stranger's key signed, that were signed for
something else or changed since, too early, too late, or by the person who started the heal. None
counts, whether it is put into the store as verified or given by the command.
"""

import base64
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache, partial
from pathlib import Path

from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.approval.answers import give
from modelmedic.steps.approval.proof import proved
from modelmedic.steps.contracts.errors import Refused
from modelmedic.steps.contracts.incident import BY_HAND, Answer, Incident
from modelmedic.steps.contracts.keys import policy_key
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.core.decision.approval import REMEDY, ROWS, rule_on_answers, stage_of
from modelmedic.steps.core.decision.proof import NAMESPACE, document
from modelmedic.steps.records.documents import keep
from modelmedic.steps.records.ledger import Ledger
from tests.adversary.attack import HELD, Attack, Result, not_held
from tests.cli.records import policy
from tests.worlds.keys import public, signers, signs
from tests.worlds.played import NOW, WINDOW

_GROUP = "approvals"
_FORGERIES, _AT_A_TIME = 10_000, 20
_WARM = 20
_GIVEN = 10  # every so many is given by the command as well
_MODEL, _DIGEST, _OTHER = "churn", "d1" * 32, "e2" * 32
_RULES: Policy = policy(_MODEL, signers=signers("ann", "ben"), timeout="24h")
_TIMEOUT = timedelta(hours=24)


@dataclass(frozen=True)
class _Forgery:
    """An answer to the incident that waits, with the moment at which it is looked at."""

    answer: Answer
    hours: float = 1.0  # since the request


def attacks(seed: int) -> Iterator[Attack]:
    if not _approves(_Forgery(_signed("ann", _target(), _yes()))):
        raise AssertionError("an answer that is no forgery does not approve")
    for kind in _KINDS.values():  # signed here once, so that the attacks, each in a fork, need not
        for number in range(_WARM):
            kind(random.Random(number))
    for first in range(0, _FORGERIES, _AT_A_TIME):
        yield Attack(f"answers {first + 1} to {first + _AT_A_TIME}", _GROUP, partial(_try, seed, first), tries=_AT_A_TIME)


def _try(seed: int, first: int, _folder: Path) -> Result:
    for number in range(first, first + _AT_A_TIME):
        rng = random.Random(f"{seed}/{number}")
        kind = rng.choice(list(_KINDS))
        forged = _KINDS[kind](rng)
        if _approves(forged):
            return not_held(f"answer {number} of seed {seed}, {kind}, was counted")
        if number % _GIVEN == 0 and _given(forged):
            return not_held(f"answer {number} of seed {seed}, {kind}, was taken from the command")
    return HELD


def _approves(forged: _Forgery) -> bool:
    """True when the heal would go on with the answer lying in its ledger."""
    answers = proved(_target(), (forged.answer,), _RULES.approval)
    at = NOW + timedelta(hours=forged.hours)
    return rule_on_answers(answers, _RULES.approval, _DIGEST, NOW, at, _target().started_by).decision == "approved"


def _given(forged: _Forgery) -> bool:
    store, answer = _store(), forged.answer
    clock = PlayedClock(NOW + timedelta(hours=forged.hours))
    try:
        given = give(
            store, clock, _target().id, approved=True, by=answer.by, reason=answer.reason, at=answer.at, sign=lambda _: answer.signature
        )
    except Refused:
        return False
    return given.ruling.decision == "approved"


@cache
def _target() -> Incident:
    return _waiting()[1]


def _store() -> MemoryStore:
    return _waiting()[0]


def _waiting() -> tuple[MemoryStore, Incident]:
    """A store with the incident that waits for an answer, which cas started by hand."""
    store = MemoryStore()
    keep(store, policy_key(_RULES.hash), _RULES)
    ledger = Ledger(store, PlayedClock(NOW))
    incident, _ = ledger.open_incident(_MODEL, _RULES.hash, WINDOW, BY_HAND, {"by": "cas@laptop:7"})
    ledger.record_stage(incident, "diagnose", {"outputs": {"remedy": "retrain", "approval": "needed"}})
    ledger.record_stage(incident, "validate", {"outputs": {"passed": "yes", "version": "4", "digest": _DIGEST}})
    ledger.record_stage(incident, "approve-request", {"at": NOW.isoformat(), "digest": _DIGEST})
    return store, incident


def _yes(hours: float = 0.5) -> Answer:
    return Answer(True, "ann", NOW + timedelta(hours=hours), _DIGEST, "looks right", verified=True)


@cache
def _signature(name: str, incident: Incident, answer: Answer, namespace: str, stage: str) -> str:
    return signs(name, namespace)(document(incident, stage, answer))


def _signed(name: str, incident: Incident, answer: Answer, namespace: str = NAMESPACE) -> Answer:
    return replace(answer, signature=_signature(name, _known(incident), answer, namespace, stage_of(answer.digest)))


def _known(incident: Incident) -> Incident:
    """An incident that can be a key of a cache."""
    return replace(incident, facts=_Facts(incident.facts))


class _Facts(dict[str, str]):
    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(sorted(self.items())))


def _good() -> Answer:
    return _signed("ann", _target(), _yes())


def _by_stranger(rng: random.Random) -> _Forgery:
    name = rng.choice(["eve", "ben", "cas"])  # ben is listed, and is not ann
    return _Forgery(_signed(name, _target(), _yes()))


def _in_another_name(rng: random.Random) -> _Forgery:
    return _Forgery(replace(_good(), by=rng.choice(["ben", "eve", "cas", "Ann", "ann ", "ann,ben", "*", "", "\u0430nn", "ann\u200b"])))


def _unsigned(rng: random.Random) -> _Forgery:
    other = rng.choice(["", " ", "yes", "true", public("ann"), public("eve"), _DIGEST, "\x00", "-----BEGIN SSH SIGNATURE-----\n"])
    return _Forgery(replace(_yes(), by=rng.choice(["ann", "ben"]), signature=other))


def _replayed(rng: random.Random) -> _Forgery:
    """Signed for another incident, model, time of opening, challenger or question."""
    it = _target()
    elsewhere = rng.choice([replace(it, id=f"{it.id}2"), replace(it, model="loans"), replace(it, opened_at=it.opened_at - _TIMEOUT), it])
    about = rng.choice([_OTHER, REMEDY, ROWS]) if elsewhere is it else rng.choice([_DIGEST, _OTHER])
    made = _signed("ann", elsewhere, replace(_yes(), digest=about))
    return _Forgery(replace(made, digest=_DIGEST))


def _flipped(_rng: random.Random) -> _Forgery:
    return _Forgery(replace(_signed("ann", _target(), replace(_yes(), approved=False)), approved=True))


def _other_namespace(rng: random.Random) -> _Forgery:
    namespace = rng.choice(["git", "file", "modelmedic", "modelmedic-approval2", "MODELMEDIC-APPROVAL"])
    return _Forgery(_signed("ann", _target(), _yes(), namespace))


def _truncated(rng: random.Random) -> _Forgery:
    text = _good().signature
    if rng.random() < 0.5:
        return _Forgery(replace(_yes(), signature=text[: rng.randrange(len(text) - 2)]))
    return _Forgery(replace(_yes(), signature=_armoured(_blob()[: rng.randrange(len(_blob()))])))


def _bent(rng: random.Random) -> _Forgery:
    """Bits of the signature's binary form changed, or bytes put in."""
    blob = bytearray(_blob())
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(blob))
        if rng.random() < 0.8:
            blob[place] ^= 1 << rng.randrange(8)
        else:
            blob[place:place] = rng.randbytes(rng.randint(1, 9))
    return _Forgery(replace(_yes(), signature=_armoured(bytes(blob)))) if bytes(blob) != _blob() else _bent(rng)


def _dated(rng: random.Random) -> _Forgery:
    """A moment moved after it was signed, by whatever a clock or a hand may do."""
    moved = timedelta(seconds=rng.choice([-1, 1]) * rng.choice([1e-6, 1, 3600, 86_400, 86_400 * 365]))
    return _Forgery(replace(_good(), at=_good().at + moved), hours=rng.choice([0.0, 1.0, 23.9, 1000.0]))


def _without_zone(_rng: random.Random) -> _Forgery:
    return _Forgery(replace(_good(), at=_good().at.replace(tzinfo=None)))


def _late(rng: random.Random) -> _Forgery:
    """Signed by ann, and given when the request had expired."""
    hours = rng.choice([24.0, 25.0, 48.0, 10_000.0])
    return _Forgery(_signed("ann", _target(), _yes(hours)), hours=hours)


def _reworded(rng: random.Random) -> _Forgery:
    reasons = ["", "looks right ", "Looks right", "\n", '","approved":false,"x":"', f"looks right {rng.randrange(999)}"]
    return _Forgery(replace(_good(), reason=rng.choice(reasons)))


def _by_starter(_rng: random.Random) -> _Forgery:
    return _Forgery(_signed("cas", _target(), replace(_yes(), by="cas")))


def _blob() -> bytes:
    return base64.b64decode("".join(_good().signature.splitlines()[1:-1]))


def _armoured(blob: bytes) -> str:
    text = base64.b64encode(blob).decode()
    lines = "\n".join(text[at : at + 70] for at in range(0, len(text), 70))
    return f"-----BEGIN SSH SIGNATURE-----\n{lines}\n-----END SSH SIGNATURE-----\n"


_KINDS: dict[str, Callable[[random.Random], _Forgery]] = {
    "by a key of somebody else": _by_stranger,
    "in another name": _in_another_name,
    "not signed": _unsigned,
    "signed for something else": _replayed,
    "signed as a no": _flipped,
    "signed for another namespace": _other_namespace,
    "cut off": _truncated,
    "bent": _bent,
    "of another moment": _dated,
    "of a moment without a zone": _without_zone,
    "after the end": _late,
    "with another reason": _reworded,
    "by the person who started the heal": _by_starter,
}
