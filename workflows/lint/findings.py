"""What a check says: how many things it saw, and what is wrong with them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One fault in one place."""

    file: str
    where: str  # the object, such as `Sensor triage`, and the place in it
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}: {self.where}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Result:
    """A check that saw nothing has proved nothing: `seen` counts the objects, `skipped` says why
    the check did not run.
    """

    check: str
    seen: int
    found: tuple[Finding, ...] = ()
    skipped: str = ""

    @property
    def ok(self) -> bool:
        return not self.found


def result(check: str, things: Sequence[object], findings: Iterable[Finding]) -> Result:
    return Result(check, len(things), tuple(sorted(set(findings))))
