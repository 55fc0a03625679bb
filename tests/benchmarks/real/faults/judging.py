"""The judgement of cases, and the tables of a run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.words import Remedy
from tests.benchmarks.real.faults.floor import accused
from tests.benchmarks.real.faults.planting import BROKEN, Planted

HARMFUL: Final = 0.05  # of the loss, that the champion loses more with the fault than without
QUIET: Final = 0.015  # of the windows as they are may be accused by the floor
_HARMS: Final = ((-np.inf, 0.01), (0.01, 0.05), (0.05, 0.2), (0.2, 1.0), (1.0, np.inf))
AS_IT_IS: Final = "as it is"
ODD: Final = "as it is, with impossible values"
_LEARNING: Final = (Remedy.RETRAIN.value, Remedy.RECALIBRATE.value)
_BROKEN: Final = frozenset(cause.value for cause in BROKEN)


@dataclass(frozen=True)
class Mark:
    """One case, judged. `floor` is the rival's score of each column."""

    stream: str
    window: int
    family: str
    kind: str
    unit: str
    counter: bool
    causes: tuple[str, ...]
    columns: tuple[str, ...]
    segment: tuple[str, str] | str | None
    size: float
    detail: str
    harm: float
    share: float
    said: str
    said_columns: tuple[str, ...]
    said_segment: tuple[str, str] | None
    remedy: str
    confidence: float
    seconds: float
    sentence: str
    floor: dict[str, float]
    seen: bool | None = None  # by the oracle, where it was asked

    @property
    def planted(self) -> bool:
        return bool(self.causes)

    @property
    def harmful(self) -> bool:
        return self.planted and self.harm >= HARMFUL

    @property
    def accused(self) -> bool:
        """Data, labels or a release were called broken."""
        return self.said in _BROKEN

    @property
    def right(self) -> bool:
        return self.said in self.causes if self.planted else not self.accused or self.kind == ODD

    @property
    def strict(self) -> bool:
        named = self.said_columns[:1]
        column = not self.columns or bool(set(named) & set(self.columns)) or (self.family == "rows" and not named)
        return self.right and (not self.planted or (column and self.segment in ("any", self.said_segment)))

    @property
    def retrained(self) -> bool:
        """Broken data, labels or a release ended in learning."""
        return self.planted and self.remedy in _LEARNING

    @property
    def missed(self) -> bool:
        return self.planted and not self.accused and not self.retrained

    @property
    def fair(self) -> bool:
        """Right for the reliability curve: a fault that does no harm may go unseen."""
        return self.right or (self.planted and not self.harmful and not self.accused)


def mark(
    case: Planted,
    found: Diagnosis,
    remedy: Remedy,
    seconds: float,
    *,
    counter: bool,
    floor: dict[str, float],
    seen: bool | None = None,
) -> Mark:
    truth, fault = case.truth, case.fault
    return Mark(
        stream=case.scene.source.name,
        window=case.scene.number,
        family=fault.family if fault else AS_IT_IS,
        kind=fault.name if fault else ODD if case.scene.odd else AS_IT_IS,
        unit=fault.unit if fault else "",
        counter=counter,
        causes=tuple(cause.value for cause in truth.causes),
        columns=truth.columns,
        segment=truth.segment,
        size=truth.size,
        detail=truth.detail,
        harm=case.harm,
        share=case.share,
        said=found.cause.value,
        said_columns=found.columns,
        said_segment=(found.segment.column, found.segment.value) if found.segment else None,
        remedy=remedy.value,
        confidence=found.confidence,
        seconds=seconds,
        sentence=found.sentence,
        floor=floor,
        seen=seen,
    )


def report(marks: Sequence[Mark], target: dict[str, str], *, by_stream: bool = False, curves: bool = False) -> str:
    """All tables of a run; `target` names each stream's label, for the floor."""
    bounds = thresholds(marks)
    parts = [_false_accusations(marks, target, bounds), _kinds(marks, target, bounds), _summary(marks, target, bounds)]
    if by_stream:
        parts.append(_streams(marks))
    parts += [_harms(marks), reliability(marks)]
    if curves:
        parts.append(_sizes(marks))
    if any(m.seen is not None for m in marks):
        parts.append(_oracle(marks))
    return "\n\n".join(parts)


def thresholds(marks: Sequence[Mark]) -> dict[str, float]:
    """The floor's bound for each stream, set on the windows as they are of the other streams; on
    its own where there is no other.
    """
    quiet = [m for m in marks if m.kind == AS_IT_IS and not m.counter]
    streams = {m.stream for m in marks}
    found = {}
    for stream in streams:
        worst = [max(m.floor.values(), default=0.0) for m in quiet if m.stream != stream or len(streams) == 1]
        found[stream] = float(np.quantile(worst, 1 - QUIET, method="lower")) if worst else 1.0
    return found


def ece(marks: Sequence[Mark], bins: int = 10) -> float:
    """Expected calibration error with bins of equal width (Guo et al. 2017)."""
    sure, right = np.array([m.confidence for m in marks]), np.array([m.fair for m in marks], dtype=float)
    which = np.minimum((sure * bins).astype(int), bins - 1)
    return float(sum(abs(sure[which == b].mean() - right[which == b].mean()) * (which == b).mean() for b in np.unique(which)))


def reliability(marks: Sequence[Mark]) -> str:
    lines = ["confidence against truth", f"{'said':>6} {'n':>5} {'right':>6} {'accusations':>12} {'right':>6}"]
    for low, high in ((0, 0.5), (0.5, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 0.95), (0.95, 1.01)):
        rows = [m for m in marks if low <= m.confidence < high]
        if rows:
            loud = [m for m in rows if m.accused]
            sure, loudly = np.mean([m.confidence for m in rows]), _share(m.fair for m in loud)
            lines.append(f"{sure:6.2f} {len(rows):5} {_share(m.fair for m in rows):6.2f} {len(loud):12} {loudly:6.2f}")
    quiet = [m for m in marks if m.kind == AS_IT_IS]
    return "\n".join([*lines, f"ECE {ece(marks):.3f} of all windows, {ece(quiet) if quiet else np.nan:.3f} of those as they are"])


def _false_accusations(marks: Sequence[Mark], target: dict[str, str], bounds: dict[str, float]) -> str:
    lines = ["windows in which nothing is broken: called broken data, labels or release"]
    lines.append(f"{'':34} {'n':>5} {'called':>7} {'data':>5} {'labels':>6} {'release':>7} {'retrain':>7} {'floor':>6}")
    kinds = dict.fromkeys((m.kind, m.counter) for m in marks if not m.planted)
    for kind, counter in kinds:
        rows = [m for m in marks if (m.kind, m.counter) == (kind, counter)]
        each = [sum(m.said == cause.value for m in rows) for cause in BROKEN]
        floor = _share(accused(m.floor, bounds[m.stream], target[m.stream])[0] in BROKEN for m in rows)
        learnt = _share(m.remedy in _LEARNING for m in rows)
        name = f"{kind}{', index in the file' if counter else ''}"
        lines.append(
            f"{name:34} {len(rows):5} {_share(m.accused for m in rows):7.1%} {each[0]:5} {each[1]:6} {each[2]:7} {learnt:7.0%} {floor:6.1%}"
        )
    return "\n".join(lines)


_FLOOR = f"{'floor':>6}"
_HEAD = f"{'n':>5} {'strict':>6} {'cause':>6} {'other':>6} {'retrain':>7} {'missed':>6}"


def _line(rows: Sequence[Mark]) -> str:
    if not rows:
        return f"{0:5} {'':6} {'':6} {'':6} {'':7} {'':6}"
    other = [m.accused and not m.right for m in rows]
    return (
        f"{len(rows):5} {_share(m.strict for m in rows):6.0%} {_share(m.right for m in rows):6.0%} {_share(other):6.0%} "
        f"{sum(m.retrained for m in rows):7} {_share(m.missed for m in rows):6.0%}"
    )


def _kinds(marks: Sequence[Mark], target: dict[str, str], bounds: dict[str, float]) -> str:
    lines = ["planted and harmful", f"{'kind':34} {_HEAD} {'floor':>6}   harmless {_HEAD}"]
    rows = [m for m in marks if m.planted]
    for kind in dict.fromkeys(m.kind for m in sorted(rows, key=lambda m: m.family)):
        own = [m for m in rows if m.kind == kind]
        harmful = [m for m in own if m.harmful]
        floor = f"{_share(_floor_right(m, target, bounds) for m in harmful):6.0%}" if harmful else " " * 6
        lines.append(f"{kind:34} {_line(harmful)} {floor}            {_line([m for m in own if not m.harmful])}")
    return "\n".join(lines)


def _floor_right(m: Mark, target: dict[str, str], bounds: dict[str, float]) -> bool:
    cause, column = accused(m.floor, bounds[m.stream], target[m.stream])
    return cause.value in m.causes and (not m.columns or column in m.columns)


def _summary(marks: Sequence[Mark], target: dict[str, str], bounds: dict[str, float]) -> str:
    harmful = [m for m in marks if m.harmful]
    lines = [f"{'in sum, planted and harmful':34} {_HEAD} {_FLOOR}"]
    for name, rows in _parts(harmful):
        lines.append(f"{name:34} {_line(rows)} {_share(_floor_right(m, target, bounds) for m in rows):6.0%}")
    each = [[m for m in harmful if m.kind == kind] for kind in dict.fromkeys(m.kind for m in harmful)]
    if each:
        strict = np.mean([_share(m.strict for m in rows) for rows in each])
        cause = np.mean([_share(m.right for m in rows) for rows in each])
        lines.append(f"{'mean of the kinds':34} {len(each):5} {strict:6.0%} {cause:6.0%}")
    asis = [m for m in marks if m.kind == AS_IT_IS]
    world = [m for m in marks if m.family == "world"]
    lines.append(f"harmless{'':26} {_line([m for m in marks if m.planted and not m.harmful])}")
    lines.append(
        f"called broken: {_share(m.accused for m in asis):.1%} of {len(asis)} windows as they are, "
        f"{_share(m.accused for m in world):.1%} of {len(world)} changes of the world"
    )
    slow = np.array([m.seconds for m in marks]) * 1000
    lines.append(f"{len(marks)} cases; a diagnosis takes {np.median(slow):.0f} ms in the median, {np.quantile(slow, 0.95):.0f} at 95 %")
    return "\n".join(lines)


def _parts(rows: Sequence[Mark]) -> Iterable[tuple[str, list[Mark]]]:
    yield "all", list(rows)
    for family in dict.fromkeys(m.family for m in rows):
        yield family, [m for m in rows if m.family == family]
    counted = [m for m in rows if m.counter]
    if counted:
        yield "with the index in the file", counted


def _streams(marks: Sequence[Mark]) -> str:
    lines = [f"{'by stream, harmful':34} {_HEAD}   as it is called  world called    ECE"]
    for stream in dict.fromkeys(m.stream for m in marks):
        own = [m for m in marks if m.stream == stream]
        asis, world = [m for m in own if m.kind == AS_IT_IS], [m for m in own if m.family == "world"]
        tail = f"{sum(m.accused for m in asis):8} of {len(asis):3} {sum(m.accused for m in world):8} of {len(world):3} {ece(own):6.3f}"
        for name, rows in _parts([m for m in own if m.harmful]):
            lines.append(f"{stream if name == 'all' else '  ' + name:34} {_line(rows)} {tail if name == 'all' else ''}".rstrip())
    return "\n".join(lines)


def _harms(marks: Sequence[Mark]) -> str:
    lines = [f"{'by harm: the loss rises by':34} {_HEAD}"]
    for low, high in _HARMS:
        rows = [m for m in marks if m.planted and low <= m.harm < high]
        name = f"less than {high:.0%}" if low < 0 else f"{low:.0%} or more" if high > 1e9 else f"{low:.0%} to {high:.0%}"
        lines.append(f"{name:34} {_line(rows)}")
    return "\n".join(lines)


def _sizes(marks: Sequence[Mark]) -> str:
    """Each kind in three parts by the size that was drawn, whether it harms or not."""
    lines = [f"{'by size':44} {_HEAD} {'harmful':>7}"]
    for kind in dict.fromkeys(m.kind for m in marks if m.planted):
        own = sorted((m for m in marks if m.kind == kind), key=lambda m: m.size)
        for part in np.array_split(np.arange(len(own)), 3):
            rows = [own[i] for i in part]
            if rows:
                name = f"{kind}, {rows[0].size:.3g} to {rows[-1].size:.3g} {rows[0].unit}"
                lines.append(f"{name:44} {_line(rows)} {_share(m.harmful for m in rows):7.0%}")
    return "\n".join(lines)


def _oracle(marks: Sequence[Mark]) -> str:
    """Harmful faults by whether one who has the window without the fault could see them."""
    asked = [m for m in marks if m.seen is not None and m.harmful]
    lines = [f"{'harmful, for an oracle of rows':34} {_HEAD}"]
    for name, seen in (("to be seen", True), ("not to be seen", False)):
        lines.append(f"{name:34} {_line([m for m in asked if m.seen is seen])}")
    hidden = [m for m in asked if not m.seen]
    for kind in sorted({m.kind for m in hidden}):
        own = [m for m in asked if m.kind == kind]
        lines.append(f"  {kind}: {sum(not m.seen for m in own)} of {len(own)} not to be seen")
    return "\n".join(lines)


def _share(values: Iterable[bool]) -> float:
    listed = list(values)
    return float(np.mean(listed)) if listed else 0.0
