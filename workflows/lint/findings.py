"""The result of a check: how many things it saw, what is wrong with them, and what it could not
judge.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One fault in one place."""

    file: str
    where: str  # the object, such as `Sensor triage`, and the place in it
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}: {self.where}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Unchecked:
    """Objects of a kind that no schema describes."""

    kind: str
    api_version: str
    count: int

    def __str__(self) -> str:
        several = "object" if self.count == 1 else "objects"
        return (
            f"{self.count} {several} of kind {self.kind} ({self.api_version}) held against no schema; give its "
            "CustomResourceDefinition: --crds FOLDER, or --crds cluster for those of KUBECONFIG's cluster"
        )


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one check. A check that saw nothing has proved nothing: `seen` counts the
    objects, `skipped` says why the check did not run.
    """

    check: str
    seen: int
    found: tuple[Finding, ...] = ()
    skipped: str = ""
    unchecked: tuple[Unchecked, ...] = ()
    sources: Mapping[str, int] = field(default_factory=dict)  # objects by what they were held against

    @property
    def ok(self) -> bool:
        return not self.found


def result(check: str, things: Sequence[object], findings: Iterable[Finding]) -> CheckResult:
    return CheckResult(check, len(things), tuple(sorted(set(findings))))
