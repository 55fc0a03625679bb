"""One attack, and what became of it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Outcome(StrEnum):
    HELD = "held"
    NOT_HELD = "not held"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Result:
    """What became of an attack. `sentence` says what did not hold, or why it was skipped."""

    outcome: Outcome
    sentence: str = ""


HELD = Result(Outcome.HELD)


def not_held(sentence: str) -> Result:
    return Result(Outcome.NOT_HELD, sentence)


def skipped(reason: str) -> Result:
    return Result(Outcome.SKIPPED, reason)


@dataclass(frozen=True)
class Attack:
    """`run` gets an empty folder that is its own, and may leave anything there. Whatever it raises
    is something that did not hold. Past `seconds`, or with more than `memory` bytes, it is ended,
    with its process group, and did not hold. One that tries many things of a kind, up to the first
    that does not hold, says how many in `tries`.
    """

    name: str
    group: str
    run: Callable[[Path], Result]
    seconds: float = 60.0
    memory: int = 3 << 30
    tries: int = 1
