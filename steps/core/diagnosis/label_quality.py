"""Label quality: the labels themselves are wrong, and retraining on them would teach the model the
fault.

Symmetric noise at rate r turns E[y] = q into q (1 - 2 r) + r, so the residual is r (1 - 2 q) and
nothing else: a straight line in q with no shape over any column (Natarajan et al. 2013 use the same
model of noise); r = 1 is inverted labels.
"""

import numpy as np

from modelmedic.steps.contracts.detection import Problem, ProblemKind, Segment
from modelmedic.steps.contracts.diagnosis import Diagnosis, Evidence
from modelmedic.steps.contracts.words import Cause, Task
from modelmedic.steps.core.diagnosis.confidence import LABELS, LABELS_SCATTERED, LABELS_WITHOUT_A_LAW
from modelmedic.steps.core.quality.checks import column_problems
from modelmedic.steps.core.quality.label_claims import LabelClaim
from modelmedic.steps.core.statistics.expectation import current_memory
from modelmedic.steps.core.statistics.replay import stretch_pairs
from modelmedic.steps.core.statistics.residuals import LabelledRows, difference_z, masked_cells, structure
from modelmedic.steps.core.tables.arrays import Floats, Integers, Mask
from modelmedic.steps.core.tables.pairing import Cells, Column, Pair

_LEAST_RATE = 0.03
_CHUNKS = 8
_MOMENT = 50  # rows that are of about the same time
_CHANGED = 0.5  # powers of ten of the labels' relation to the inputs, before a law is fitted


def suspect(
    both: Pair, rows: LabelledRows | None, claim: LabelClaim | None = None, law: float = 30.0, *, new_law: bool = False
) -> list[Diagnosis]:
    """At most one diagnosis: what the labels' past says of them, impossible values, labels
    unrelated to anything, flipped, not yet arrived, or scattered. `law`: the evidence, in powers of
    ten, that the labels' relation to the inputs has changed. `new_law`: the inputs hold the labels
    in another way since a moment, so that what looks like noise over the window is a law that
    turned.
    """
    if both.target is None:
        return []
    if claim is not None and claim.sure:
        where = f"where {claim.segment.column} is {claim.segment.value}, " if claim.segment else ""
        return [_diagnosis(where + claim.sentence, LABELS, claim.segment, claim.bits)]
    broken = _constant_labels(both)
    if broken:
        return [_diagnosis(broken, LABELS, None, 1.0)]
    if rows is None:
        return []
    checks = (
        (_impossible_values, _unrelated_labels, _selection, _scatter)
        if rows.task is Task.REGRESSION
        else (_immature_labels, _selection, _unrelated_labels, _noise)
    )
    for check in checks:
        if new_law and check in _NOISE:
            continue
        found = check(both, rows)
        if (
            found
            and (law > _CHANGED or found.segment is not None or check is _selection)
            and not any(_same_finding(found, check(*stretch)) for stretch in stretch_pairs(both, rows))
        ):
            return [found]
    return []


def _same_finding(found: Diagnosis, usual: Diagnosis | None) -> bool:
    """True when a stretch of the reference shows the same: it is no news then, unless it is a
    segment that the stretch did not name.
    """
    return usual is not None and (found.segment is None or usual.segment == found.segment)


def _constant_labels(both: Pair) -> str:
    assert both.target is not None
    before, after = (np.unique(y[np.isfinite(y)]) for y in both.target)
    known = int(np.isfinite(both.target[1]).sum())
    return f"all {known} labels are {after[0]:g}" if known >= 100 and len(after) == 1 < len(before) else ""


def _impossible_values(both: Pair, rows: LabelledRows) -> Diagnosis | None:
    """The checks of any column, applied to the labels: another unit, one value too often, values
    out of all range.
    """
    if not rows.harmed:
        return None
    assert both.target is not None
    answered = [np.where(mask, y, np.nan) for y, mask in zip(both.target, rows.masks, strict=True)]
    target = Column("target", True, answered[0], answered[1])
    found = [p for p in column_problems(both, target) if p.kind is not ProblemKind.NULL_JUMP and not _answered_too(rows, p)]
    if not found:
        return None
    worst = max(found, key=lambda p: p.share)
    return _diagnosis(worst.detail.replace("column target", "the label"), LABELS, worst.segment, worst.share)


def _answered_too(rows: LabelledRows, problem: Problem) -> bool:
    """True when the model's answers moved along: then the inputs are the reason."""
    moved = abs(float(np.median(rows.prediction[1]) - np.median(rows.prediction[0]))) > 0.5 * float(rows.prediction[0].std())
    return problem.segment is None and moved


def _selection(both: Pair, rows: LabelledRows) -> Diagnosis | None:
    """Labels that are missing where answers are high (or low), as they were not before: those that
    arrived do not represent the rest.
    """
    if both.prediction is None or both.target is None or not (rows.harmed or abs(difference_z(*rows.residual)) > 4):
        return None
    edges = np.unique(np.quantile(rows.prediction[0], np.linspace(0, 1, 9)[1:-1]))
    shares, sizes, excess, overall = [], [], [], []
    for window, (p, y) in enumerate(zip(both.prediction, both.target, strict=True)):
        answered = np.isfinite(p) & _due(both, window)
        known = np.isfinite(y[answered]).astype(np.float64)
        which = np.searchsorted(edges, p[answered])
        size = np.maximum(np.bincount(which, minlength=len(edges) + 1), 1)
        shares.append(np.bincount(which, known, minlength=len(edges) + 1) / size)
        excess.append(np.bincount(which, known - _due_share(both, window, answered, known), minlength=len(edges) + 1) / size)
        sizes.append(size)
        overall.append(float(known.mean()))
    error = np.sqrt(sum(np.maximum(s * (1 - s), 0.01) / n for s, n in zip(shares, sizes, strict=True)))
    uneven = float(np.ptp(excess[1] - excess[0]))
    if overall[0] - overall[1] < 0.02 or uneven < 0.1 or float(np.abs((excess[1] - excess[0]) / error).max()) < 6:
        return None
    low, high = float(shares[1].min()), float(shares[1].max())
    return _diagnosis(
        f"between {low:.0%} and {high:.0%} of the labels are there, depending on the answer: they were selected",
        LABELS_WITHOUT_A_LAW,
        None,
        uneven,
    )


def _due(both: Pair, window: int) -> Mask:
    """The rows up to the last one that has a label: what is younger may only be not due yet."""
    assert both.target is not None
    labelled = np.isfinite(both.target[window])
    if both.time is None or not labelled.any():
        return np.ones(len(labelled), dtype=bool)
    return np.asarray(both.time[window] <= float(np.nanmax(both.time[window][labelled])))


def _due_share(both: Pair, window: int, answered: Mask, known: Floats) -> Floats:
    """The share of labels among the rows of about the same time: the youngest rows have none yet,
    whatever their answer.
    """
    moments = both.time[window][answered] if both.time is not None else np.arange(len(known), dtype=np.float64)
    order = np.argsort(moments, kind="stable")
    due = np.empty(len(known))
    for part in np.array_split(order, max(min(len(order) // _MOMENT, 100), 1)):
        due[part] = known[part].mean()
    return due


def _unrelated_labels(both: Pair, rows: LabelledRows) -> Diagnosis | None:
    """Labels that nothing explains any more, although there are as many of each as there should be:
    they belong to other rows.
    """
    (before, error), (after, its_error) = (_slope(y, q) for y, q in zip(rows.target, rows.expected, strict=True))
    if before < 8 * error or abs(after) > 0.08 * before + 3 * its_error:
        return None
    if abs(difference_z(rows.expected[1], rows.target[1])) > 5 or not _all_effects_gone(both, rows):
        return None
    known = 1 - float(rows.residual[0].var() / rows.target[0].var())
    memory = current_memory(both.columns, rows.target[1], rows.masks)
    if memory is None or memory.explained > 0.1 * known + 3 / len(rows.target[1]):
        return None
    return _diagnosis(
        "the labels have lost every relation to the answers and to the inputs: they belong to other rows", LABELS_WITHOUT_A_LAW, None, 1.0
    )


def _all_effects_gone(both: Pair, rows: LabelledRows) -> bool:
    """True when two columns or more had an effect on the labels and none has one now: no single law
    has changed.
    """
    had = 0
    for column in both.columns:
        spread = []
        for window, y, mask in zip((column.cells.reference, column.cells.current), rows.target, rows.masks, strict=True):
            which = window[mask]
            size = np.bincount(which)
            total = np.bincount(which, y - y.mean())
            spread.append((float((total**2 / np.maximum(size, 1)).sum() / max(float(y.var()), 1e-300)), int((size > 0).sum()) - 1))
        (before, freedom), (after, its_freedom) = spread
        if before > freedom + 8 * np.sqrt(2 * max(freedom, 1)):
            had += 1
            if after > its_freedom + 5 * np.sqrt(2 * max(its_freedom, 1)):
                return False
    return had >= 2


def _slope(target: Floats, expected: Floats) -> tuple[float, float]:
    """The least-squares slope of the labels on the expectation, with its error."""
    centred = expected - expected.mean()
    length = float((centred**2).sum()) or 1.0
    slope = float((centred * target).sum()) / length
    return slope, float(np.sqrt(((target - target.mean() - slope * centred) ** 2).mean() / length))


def _scatter(both: Pair, rows: LabelledRows) -> Diagnosis | None:
    """Regression: the residuals spread further, and no input explains where: more noise, which no
    model could learn.
    """
    spread = [float(r.var()) for r in rows.residual]
    squares = [(r - r.mean()) ** 2 for r in rows.residual]
    if spread[1] < 1.15 * spread[0] or difference_z(squares[0], squares[1]) < 4 or not rows.harmed:
        return None
    shape = structure(both.columns, rows.residual, rows.masks, centred=True)
    memory = current_memory(both.columns, rows.residual[1], rows.masks)
    if (shape and shape[0].p_value < 0.01) or memory is None or memory.explained > 0.015:
        return None
    return _diagnosis(
        f"the labels scatter {spread[1] / spread[0]:.2f} times as much (variance), whatever the row", LABELS_SCATTERED, None, 0.0
    )


def _immature_labels(both: Pair, rows: LabelledRows) -> Diagnosis | None:
    """The later the row, the fewer positives: late positives that still count as negatives."""
    if both.time is None:
        return None
    moments = both.time[1][rows.masks[1]]
    order = np.argsort(moments, kind="stable")
    if not np.isfinite(moments).all() or len(order) < 50 * _CHUNKS:
        return None
    came = np.array([rows.target[1][part].sum() for part in np.array_split(order, _CHUNKS)])
    due = np.array([rows.expected[1][part].sum() for part in np.array_split(order, _CHUNKS)])
    ratio = came / np.maximum(due, 1e-9)
    early, late = float(ratio[: _CHUNKS // 4].mean()), float(ratio[-_CHUNKS // 8 :].mean())
    surprise = (due - came)[-_CHUNKS // 4 :].sum() / np.sqrt(max(due[-_CHUNKS // 4 :].sum(), 1))
    falling = float(np.corrcoef(np.arange(_CHUNKS), ratio)[0, 1]) < -0.75
    if not (falling and late < 0.5 and early > 0.7 and surprise > 5):
        return None
    sentence = (
        f"at the window's end {late:.0%} of the expected positives have come, at its beginning {early:.0%}: labels are still under way"
    )
    return _diagnosis(sentence, LABELS, None, 1 - late)


def _noise(both: Pair, rows: LabelledRows) -> Diagnosis | None:
    rate, z = _rate(rows)
    local = _noisy_segment(both, rows)
    if local is not None:
        cells, number, inside_rate = local
        segment = Segment(cells.column, cells.names[number])
        return _diagnosis(
            f"where {segment.column} is {segment.value}, about {inside_rate:.0%} of the labels are flipped", LABELS, segment, inside_rate
        )
    if z < 5 or rate < _LEAST_RATE or not _only_noise(both, rows, rate, z):
        return None
    words = "the labels are inverted" if rate > 0.9 else f"about {rate:.0%} of the labels are flipped, whatever the row"
    return _diagnosis(words, LABELS, None, rate)


def _rate(rows: LabelledRows) -> tuple[float, float]:
    """The rise of the flip rate (least squares of the residual on 1 - 2 q) and its z."""
    slopes, errors = [], []
    for q, r in zip(rows.expected, rows.residual, strict=True):
        line = 1 - 2 * q
        weight = float((line**2).sum()) or 1.0
        slope = float((line * r).sum()) / weight
        slopes.append(slope)
        errors.append(float((line**2 * (r - slope * line) ** 2).sum()) / weight**2)
    error = np.sqrt(sum(errors))
    return slopes[1] - slopes[0], (slopes[1] - slopes[0]) / error if error > 0 else 0.0


def _only_noise(both: Pair, rows: LabelledRows, rate: float, z: float) -> bool:
    """True when the flips explain the residuals beyond any column, and no column's cells differ
    once the flips are taken out.

    The rate is known to two standard errors only: the best within them counts.
    """
    if not _beyond_the_worst_column(both, rows):
        return False
    rates = {min(max(rate * (1 + k / max(z, 1e-9)), 0.0), 1.0) for k in (-2, 0, 2)}
    return any(_nothing_left(both, rows, r) for r in rates if abs(1 - 2 * r) >= 0.15)


def _nothing_left(both: Pair, rows: LabelledRows, rate: float) -> bool:
    cleaned = (rows.target[1] - rate) / (1 - 2 * rate) - rows.expected[1]
    left = structure(both.columns, (rows.residual[0], cleaned), rows.masks, centred=False)
    return left[0].p_value > 0.001 if left else True


def _beyond_the_worst_column(both: Pair, rows: LabelledRows) -> bool:
    """True when the residuals follow the line of the flips even within the cells of the column over
    which they changed most.
    """
    shapes = structure(both.columns, rows.residual, rows.masks, centred=False)
    if not shapes:
        return True
    cells = both.column(shapes[0].column).cells
    which, residual, line = cells.current[rows.masks[1]], rows.residual[1], 1 - 2 * rows.expected[1]
    size = np.maximum(np.bincount(which), 1)
    residual = residual - (np.bincount(which, residual) / size)[which]
    line = line - (np.bincount(which, line) / size)[which]
    weight = float((line**2).sum()) or 1.0
    slope = float((line * residual).sum()) / weight
    error = float(np.sqrt((line**2 * (residual - slope * line) ** 2).sum())) / weight
    return slope > 2.5 * error


def _noisy_segment(both: Pair, rows: LabelledRows) -> tuple[Cells, int, float] | None:
    """The one segment whose labels are noisy while all the others' are not, with its flip rate."""
    noisy = []
    terms = [_terms(q, r) for q, r in zip(rows.expected, rows.residual, strict=True)]
    for cells in (c.cells for c in both.segmenting):
        which = (masked_cells(cells.reference, rows.masks[0]), masked_cells(cells.current, rows.masks[1]))
        rates, z, enough = _rates(terms, which, len(cells.names))
        noisy += [(float(z[n]), cells, int(n)) for n in np.flatnonzero((z > 5) & (rates > 0.05) & enough)[:60] if n < len(rates) - 1]
    for _, cells, number in sorted(noisy, key=lambda f: -f[0])[:8]:
        inside = (cells.reference[rows.masks[0]] == number, cells.current[rows.masks[1]] == number)
        piece = rows.within(inside)
        rate, z_inside = _rate(piece)
        outside_rate, outside_z = _rate(rows.within((~inside[0], ~inside[1])))
        if (outside_z < 3 or outside_rate < 0.1 * rate) and _only_noise(both, piece, rate, z_inside):
            return cells, number, rate
    return None


def _terms(expected: Floats, residual: Floats) -> tuple[Floats, ...]:
    """The terms that `_rates` sums over the rows."""
    line = 1 - 2 * expected
    return line**2, line * residual, (line * residual) ** 2, line**3 * residual, line**4


def _rates(terms: list[tuple[Floats, ...]], which: tuple[Integers, Integers], count: int) -> tuple[Floats, Floats, Mask]:
    """The flip rate of every cell at once, with its z, and whether both windows have a hundred rows
    there.
    """
    slopes, errors, enough = [], [], np.ones(count, dtype=bool)
    for values, cell in zip(terms, which, strict=True):
        sums = [np.bincount(cell, v, minlength=count) for v in values]
        weight = np.maximum(sums[0], 1e-12)
        slope = sums[1] / weight
        slopes.append(slope)
        errors.append(np.maximum(sums[2] - 2 * slope * sums[3] + slope**2 * sums[4], 0) / weight**2)
        enough &= np.bincount(cell, minlength=count) >= 100
    rise = slopes[1] - slopes[0]
    return rise, rise / np.sqrt(np.maximum(errors[0] + errors[1], 1e-12)), enough


_NOISE = (_unrelated_labels, _scatter, _noise)


def _diagnosis(sentence: str, confidence: float, segment: Segment | None, value: float) -> Diagnosis:
    evidence = (Evidence("labels.suspected", sentence, value),)
    return Diagnosis(Cause.LABEL_QUALITY, confidence, ("target",), segment, harm="shown", evidence=evidence, sentence=sentence)
