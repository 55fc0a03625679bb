"""Bodies that a stranger might post to the alert webhook: mutations of a good one. Every one is
taken apart without an exception, and nothing of it comes through but what the grammar allows.
"""

import json
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from modelmedic.steps.core.incidents.alerts import ALERT_NAME, MOST_BYTES, read_alerts
from tests.adversary.attack import HELD, Attack, Result, not_held
from tests.adversary.mutation import Mutation

_BODIES = 6_400
_AT_A_TIME = 200  # bodies of one attack
_MODEL_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_HOSTILE: tuple[Any, ...] = (
    None, True, -1, 1e308, 10**400, "", " ", [], {}, [[]], {"": ""}, "\x00", "\n", "\ud800", "\u202e", "💥", "a" * 100_000,
    "{{workflow.parameters.incident}}", "{{=sprig.env('HOME')}}", "$(id)", "`id`", "'; DROP TABLE incidents; --", "../../etc/passwd",
    "churn/../../leases", "churn\n", "CHURN", "-churn", "http://169.254.169.254/", "!!python/object/apply:os.system [id]", "%s%n%x",
    "9999-12-31T23:59:59.999999-23:59", "0001-01-01T00:00:00+23:59", "2026-13-45T99:99:99Z", "ModelmedicDrift\u0000",
    "Modelmedic" + "A" * 61,
)  # fmt: skip
_MUTATION = Mutation(_HOSTILE, lambda _, rng: str(rng.choice(_HOSTILE)), stop=0.15, deeper=0.7, dropped=0.8, times=(1, 3, 3000))


def attacks(seed: int) -> Iterator[Attack]:
    for first in range(0, _BODIES, _AT_A_TIME):
        yield Attack(f"bodies {first + 1} to {first + _AT_A_TIME}", "alerts", partial(_try, seed, first), tries=_AT_A_TIME)


def _try(seed: int, first: int, _folder: Path) -> Result:
    for number in range(first, first + _AT_A_TIME):
        body = _body(random.Random(f"{seed}/{number}"))
        fault = _fault(body)
        if fault:
            return not_held(f"body {number} of seed {seed}: {fault}")
    return HELD


def _fault(body: bytes) -> str | None:
    try:
        found = read_alerts(body)
    except Exception as error:
        return f"raised {type(error).__name__}: {error}"
    for alert in found.alerts:
        if not _MODEL_CHARACTERS.issuperset(alert.model) or len(alert.model) > 63 or not ALERT_NAME.fullmatch(alert.name):
            return f"let {alert!r} through"
    for refusal in found.refused:
        if len(refusal.sentence) > 250 or not refusal.sentence.isprintable():
            return f"says {refusal.sentence[:300]!r}"
    return None


def _body(rng: random.Random) -> bytes:
    document: Any = {"version": "4", "alerts": [_alert(rng) for _ in range(rng.choice((1, 1, 2, 50)))], "truncatedAlerts": 0}
    for _ in range(rng.randint(1, 4)):
        document = _MUTATION.of(document, rng)
    data = json.dumps(document).encode()
    return rng.choice(_SPOILED)(data, rng) if rng.random() < 0.3 else data


def _alert(rng: random.Random) -> dict[str, Any]:
    labels = {"alertname": "ModelmedicDrift", "model": f"churn-{rng.randrange(9)}"}
    return {"status": "firing", "labels": labels, "startsAt": "2026-03-01T09:00:00.123Z", "fingerprint": f"{rng.getrandbits(64):016x}"}


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _flipped(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data or b" ")
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _deep(data: bytes, rng: random.Random) -> bytes:
    depth = rng.choice((10, 1_000, 100_000))
    return data.replace(b'"firing"', b"[" * depth + b"]" * depth, 1)


def _padded(data: bytes, rng: random.Random) -> bytes:
    return data + b" " * rng.choice((1, MOST_BYTES))


def _twice(data: bytes, _rng: random.Random) -> bytes:
    return data + data


def _other_encoding(data: bytes, rng: random.Random) -> bytes:
    return data.decode().encode(rng.choice(("utf-16", "utf-32", "utf-8-sig")))


_SPOILED: tuple[Callable[[bytes, random.Random], bytes], ...] = (_cut, _flipped, _deep, _padded, _twice, _other_encoding)
