"""The gates of a challenger: each one says what it saw, and every one has to pass.

`no_worse` is a non-inferiority test on rows that neither model learnt from: the whole interval of
the gain has to lie above -margin. With the default margin of 0 the challenger has to be shown to be
better; noise, and a challenger as good as the champion, keep the champion (false promotions are
half of 1 - confidence). `worth_it` adds a least gain for those who set a margin above 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.training import Gate
from modelmedic.steps.contracts.words import Cause, Remedy, Task
from modelmedic.steps.core.statistics.metrics import HIGHER_IS_BETTER, Blocks, PairedComparison, compare, estimate, loss_of
from modelmedic.steps.core.tables.arrays import Floats
from modelmedic.steps.core.tables.slices import Slice, slices
from modelmedic.steps.core.validation.leakage import leaking_column, too_good

LEAST_SLICE = 100  # rows; a smaller slice is not judged
_LEAST_CLASS = 10  # rows of each class in a slice before an AUC of it means anything


@dataclass(frozen=True)
class ScoredRows:
    """Labelled rows with both models' answers, shape (n,). `columns` are the features: numbers
    float64 with NaN, codes as texts or None.
    """

    target: Floats
    challenger: Floats
    champion: Floats | None
    blocks: Blocks
    columns: Mapping[str, npt.NDArray[np.generic]] = field(default_factory=dict)

    def only(self, mask: npt.NDArray[np.bool_]) -> "ScoredRows":
        champion = self.champion[mask] if self.champion is not None else None
        columns = {name: values[mask] for name, values in self.columns.items()}
        return ScoredRows(self.target[mask], self.challenger[mask], champion, self.blocks[mask], columns)


def metric_of(policy: Policy, remedy: Remedy) -> str:
    """The metric of the comparison: a recalibrated model orders rows as its champion does, so it is
    judged by its loss.
    """
    return loss_of(policy.data.task) if remedy is Remedy.RECALIBRATE and policy.metric == "auc" else policy.metric


def label_gate(policy: Policy, rows: ScoredRows) -> Gate:
    least, found = policy.validation.minLabels, len(rows.target)
    classes = np.unique(rows.target).tolist()
    if policy.data.task is Task.BINARY and len(classes) < 2:
        return Gate("labels", False, f"all {found} holdout labels are {classes}; expected both classes", float(found), float(least))
    return Gate("labels", found >= least, f"{found} labelled holdout rows; at least {least} are needed", float(found), float(least))


def comparison_gates(policy: Policy, remedy: Remedy, rows: ScoredRows, tried: int = 1) -> tuple[Gate, ...]:
    """The gates labels, no_worse, worth_it, ranking (of a recalibrated model), leakage and one per
    sliced column. Needs a champion.

    `tried` counts the models of which the challenger was the best on these very rows: its interval
    is widened by Bonferroni's rule, so that the best of several is promoted by chance no more often
    than a single one.
    """
    labels = label_gate(policy, rows)
    if not labels.passed:
        return (labels,)
    metric = metric_of(policy, remedy)
    overall = compare_with_champion(metric, rows, policy, tried)
    gates = [labels, _no_worse(policy, overall), _worth_it(policy, overall)]
    if metric != policy.metric:
        gates.append(_ranking(policy, compare_with_champion(policy.metric, rows, policy)))
    gates.append(leakage_gate(policy, rows, overall))
    return (*gates, *(_slice_gate(policy, metric, column, rows) for column in policy.slices))


def leakage_gate(policy: Policy, rows: ScoredRows, overall: PairedComparison | None) -> Gate:
    """The gate against a column that knows the label, or a challenger that is better than any
    honest one.
    """
    task = policy.data.task
    column, strength = leaking_column(task, rows.target, rows.columns)
    champion = overall.champion if overall else None
    if column and not too_good(task, rows.target, rows.champion):
        sentence = f"column {column} alone tells the label (strength {strength:.4f} of 1): it knows what happened after the prediction"
        return Gate("leakage", False, sentence, strength)
    if too_good(task, rows.target, rows.challenger) and not too_good(task, rows.target, rows.champion):
        seen = "" if champion is None else f" while the champion's {overall.metric if overall else ''} is {champion:.4f}"
        return Gate("leakage", False, f"the challenger is all but perfect{seen}: some column knows the label", strength)
    return Gate("leakage", True, f"no single column tells the label (the best one has strength {strength:.3f} of 1)", strength)


def old_regime_gate(policy: Policy, remedy: Remedy, rows: ScoredRows, cause: Cause, outside: str = "") -> Gate:
    """The gate on the rows that the champion was judged by.

    Where labels prove that the concept changed, or a level was corrected, the old answers are wrong
    now and this gate only reports; `outside` names the segment that changed when `rows` are those
    outside of it, and then it holds there.
    """
    metric = metric_of(policy, remedy)
    found = compare_with_champion(metric, rows, policy)
    margin = _margin(policy.validation.oldRegimeMargin, found)
    where = f"the champion's reference rows outside of {outside}" if outside else "the champion's reference rows"
    words = f"on {found.rows} of {where} the challenger's {_numbers(found)}"
    excuse = _excuse(remedy, cause, outside)
    if excuse:
        return _gate("old_regime", True, f"{words}; reported only, because {excuse}", found, -margin)
    passed = not np.isfinite(found.gain.value) or found.gain.high >= -margin
    return _gate("old_regime", passed, f"{words}; {margin:.4g} worse is allowed beyond the interval", found, -margin)


def _excuse(remedy: Remedy, cause: Cause, outside: str) -> str:
    if remedy is Remedy.RECALIBRATE:
        return "the level has moved since, and the level is what was corrected"
    return "the labels prove that the concept has changed since" if cause is Cause.CONCEPT_DRIFT and not outside else ""


def first_gates(policy: Policy, rows: ScoredRows, constant: Floats) -> tuple[Gate, ...]:
    """The gates of a first champion, which is compared with `constant`, the mean of the training
    labels in every row.
    """
    labels = label_gate(policy, rows)
    if not labels.passed:
        return (labels,)
    one_sided = 2 * policy.validation.confidence - 1  # there is no champion to replace, so only the lower bound counts
    found = compare(policy.metric, rows.target, constant, rows.challenger, rows.blocks, one_sided)
    sentence = (
        f"on {found.rows} holdout rows {found.metric} is {found.challenger:.4f}; a model that knows only the mean of the training "
        f"labels has {found.champion:.4f} (gain {_interval(found)}), and that has to be beaten"
    )
    return labels, _gate("better_than_trivial", found.gain.low > 0, sentence, found, 0.0), leakage_gate(policy, rows, None)


def holdout_metrics(policy: Policy, remedy: Remedy, rows: ScoredRows) -> dict[str, float]:
    """`challenger_auc`, `champion_auc`, … of the policy's metric and of the task's loss, on the
    holdout rows.
    """
    found: dict[str, float] = {}
    for metric in dict.fromkeys((policy.metric, loss_of(policy.data.task), metric_of(policy, remedy))):
        for name, answers in (("challenger", rows.challenger), ("champion", rows.champion)):
            if answers is not None:
                value = estimate(metric, rows.target, answers, rows.blocks, policy.validation.confidence).value
                found |= {f"{name}_{metric}": value} if np.isfinite(value) else {}
    return {**found, "holdout_rows": float(len(rows.target))}


def compare_with_champion(metric: str, rows: ScoredRows, policy: Policy, tried: int = 1) -> PairedComparison:
    """Challenger against champion, with the interval of the gates; the challenger is the best of
    `tried`.
    """
    assert rows.champion is not None
    confidence = 1 - (1 - policy.validation.confidence) / max(tried, 1)
    return compare(metric, rows.target, rows.champion, rows.challenger, rows.blocks, confidence)


def _no_worse(policy: Policy, found: PairedComparison) -> Gate:
    margin = policy.validation.margin
    passed = found.gain.low >= -margin if margin else found.gain.low > 0 or _same(found)
    asked = f"no more than {margin:g} worse" if margin else "better"
    sentence = f"on {found.rows} rows that neither has learnt from the challenger's {_numbers(found)}; it has to be shown to be {asked}"
    return _gate("no_worse", passed, sentence, found, -margin)


def _worth_it(policy: Policy, found: PairedComparison) -> Gate:
    least = policy.validation.minGain
    passed = found.gain.value > 0 and found.gain.value >= least
    sentence = (
        f"the challenger gains {found.gain.value:.4f} in {found.metric}; {f'{least:g} is' if least else 'more than nothing is'} asked"
    )
    return _gate("worth_it", passed, sentence, found, least)


def _ranking(policy: Policy, found: PairedComparison) -> Gate:
    margin = policy.validation.margin
    passed = found.gain.low >= -margin or _same(found)
    return _gate("ranking", passed, f"the correction leaves the ranking as it was: {_numbers(found)}", found, -margin)


def _slice_gate(policy: Policy, metric: str, column: str, rows: ScoredRows) -> Gate:
    """One gate for all values of a column: it names the worst one, and fails for any that is worse
    beyond margin and interval.
    """
    found, small = [], 0
    for each in slices(column, rows.columns[column]):
        inside = rows.only(each.rows)
        if _is_large_enough(policy.data.task, inside.target):
            found.append((each, compare_with_champion(metric, inside, policy)))
        else:
            small += 1
    if not found:
        return Gate(f"slice:{column}", True, f"no value of {column} has the {LEAST_SLICE} rows that are needed, so no slice is judged")
    allowed = policy.validation.sliceMargin
    bad = [pair for pair in found if pair[1].gain.high < -_margin(allowed, pair[1])]
    worst, comparison = min(bad or found, key=lambda pair: pair[1].gain.value)
    words = f"{'worse' if bad else 'worst'} of {len(found)} slices is {worst.name}: {_numbers(comparison)}"
    rest = f"; {small} smaller slices are not judged" if small else ""
    return _gate(f"slice:{column}", not bad, f"{words}{_others(bad, worst)}{rest}", comparison, -_margin(allowed, comparison))


def _others(bad: Sequence[tuple[Slice, PairedComparison]], worst: Slice) -> str:
    names = [each.name for each, _ in bad if each is not worst]
    return f"; also {', '.join(names[:5])}" if names else ""


def _is_large_enough(task: Task, target: Floats) -> bool:
    if len(target) < LEAST_SLICE:
        return False
    return task is not Task.BINARY or min(int((target > 0.5).sum()), int((target <= 0.5).sum())) >= _LEAST_CLASS


def _margin(allowed: float, found: PairedComparison) -> float:
    """The allowed margin: absolute for the AUC, a share of the champion's value for metrics in the
    label's unit or in none that people know.
    """
    return allowed if found.metric in HIGHER_IS_BETTER else allowed * abs(found.champion)


def _same(found: PairedComparison) -> bool:
    """True when there is no difference in any row: an interval of width 0 round 0."""
    return found.gain.low == found.gain.high == 0.0


def _numbers(found: PairedComparison) -> str:
    return f"{found.metric} is {found.challenger:.4f}, the champion's {found.champion:.4f} (gain {_interval(found)})"


def _interval(found: PairedComparison) -> str:
    return f"{found.gain.value:+.4f}, {found.gain.low:+.4f} to {found.gain.high:+.4f}"


def _gate(name: str, passed: bool, sentence: str, found: PairedComparison, threshold: float) -> Gate:
    low, high = (bound if np.isfinite(bound) else None for bound in (found.gain.low, found.gain.high))
    value = found.gain.value if np.isfinite(found.gain.value) else None
    return Gate(name, bool(passed), sentence, value, threshold + 0.0, low, high)  # never -0.0
