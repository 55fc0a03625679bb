"""The gates of a challenger: each one says what it saw, and every one has to pass.

`no_worse` and `worth_it` compare it with the champion on rows that neither learnt from. How much
they ask for follows `retrain.risk`, because keeping a champion that ages costs as well:

| risk     | no_worse              | worth_it                                                 |
|----------|-----------------------|----------------------------------------------------------|
| cautious | shown to be better    | a gain above 0                                           |
| balanced | not shown to be worse | to be expected better, by these rows and what is known   |
| eager    | not shown to be worse | nothing                                                  |

Shown means the whole interval. A `validate.margin` above 0 asks for a non-inferiority test at every
risk (the interval lies above -margin), and a `validate.minGain` for that gain.

Where a twin is judged in the challenger's place, it lacks the newest rows, which the challenger has
learnt. What these are worth (`newer_rows`) is added to its gain: of models that are taught every
four weeks the twin is one week newer than the champion.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.training import Gate
from modelmedic.steps.contracts.words import Cause, Remedy, Risk, Task
from modelmedic.steps.core.statistics.metrics import HIGHER_IS_BETTER, Blocks, PairedComparison, compare, estimate, loss_of
from modelmedic.steps.core.tables.arrays import Floats
from modelmedic.steps.core.tables.slices import Slice, slices
from modelmedic.steps.core.validation.fairness import GroupedAnswers, fairness_gates
from modelmedic.steps.core.validation.leakage import leaking_column, too_good

LEAST_SLICE = 100  # rows; a smaller slice is not judged
_ONE_ERROR = 0.6827  # the confidence of an interval of one standard error
# The gain of a newly taught model where age or labels speak for one, and its spread from one month
# to the next: shares of the champion's loss, and for the AUC absolute. Of weekly models four and
# eight weeks old beside new ones, on the four weeks after: the median gain in loss is .00 (air),
# .01 (flights), .23 (bikes), .19 (seoul), .26 (weather), the spread .02 to .32. The prior is at the
# humble end, so that it decides where the rows say next to nothing, and nowhere else.
_EXPECTED = {"auc": (0.01, 0.04), "log_loss": (0.02, 0.1), "rmse": (0.01, 0.05), "mae": (0.01, 0.05)}
# A day of age costs a share of the loss: .000 (air), .001 (flights), .008 (bikes), .01 (seoul,
# weather). The prior before anything was measured, and its spread.
_AGEING = (0.002, 0.004)
_OF_THE_LOSS = {"auc": 0.2, "log_loss": 1.0, "rmse": 1.0, "mae": 1.0}  # a metric's unit beside a share of the rehearsal's loss
_LIKE = 0.05  # share of the twin's loss by which what serves may be worse beyond the interval, as rows are drawn at random
_WORLD = frozenset({Cause.AGEING, Cause.COVARIATE_SHIFT, Cause.LABEL_SHIFT, Cause.SEASONAL})
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
    name: str = "the challenger"  # or its twin's, in sentences
    newer: float = 0.0  # the share of the loss that rows are worth which what serves has learnt and what answered here has not

    def only(self, mask: npt.NDArray[np.bool_]) -> "ScoredRows":
        champion = self.champion[mask] if self.champion is not None else None
        columns = {name: values[mask] for name, values in self.columns.items()}
        return ScoredRows(self.target[mask], self.challenger[mask], champion, self.blocks[mask], columns, self.name, self.newer)


def metric_of(policy: Policy, remedy: Remedy) -> str:
    """The metric of the comparison: a recalibrated model orders rows as its champion does, so it is
    judged by its loss.
    """
    return loss_of(policy.data.task) if remedy is Remedy.RECALIBRATE and policy.metric == "auc" else policy.metric


def label_gate(policy: Policy, rows: ScoredRows, least: int) -> Gate:
    found = len(rows.target)
    classes = np.unique(rows.target).tolist()
    if policy.data.task is Task.BINARY and len(classes) < 2:
        return Gate("labels", False, f"all {found} holdout labels are {classes}; expected both classes", float(found), float(least))
    return Gate("labels", found >= least, f"{found} labelled holdout rows; at least {least} are needed", float(found), float(least))


def comparison_gates(policy: Policy, remedy: Remedy, rows: ScoredRows, tried: int = 1, *, expected: bool = False) -> tuple[Gate, ...]:
    """The gates labels, no_worse, worth_it, ranking (of a recalibrated model), leakage, one per
    sliced column, and one per column of `validate.fairness`. Needs a champion.

    `tried` counts the models of which the challenger was the best on these very rows: its interval
    is widened by Bonferroni's rule, so that the best of several is promoted by chance no more often
    than a single one. `expected`: a gain is expected before these rows are seen, because the
    champion has aged or labels show that it loses more.
    """
    labels = label_gate(policy, rows, policy.validation.least_labels)
    if not labels.passed:
        return (labels,)
    metric = metric_of(policy, remedy)
    overall = compare_with_champion(metric, rows, policy, tried)
    gates = [labels, _no_worse(policy, overall, rows), _worth_it(policy, overall, rows, expected=expected)]
    if metric != policy.metric:
        gates.append(_ranking(policy, compare_with_champion(policy.metric, rows, policy)))
    gates.append(leakage_gate(policy, rows, overall))
    return (*gates, *_slice_gates(policy, metric, rows), *_fairness_gates(policy, rows))


def newer_rows(days: float, ageing: float | None, error: float | None) -> float:
    """The share of the loss that so many days of newer rows are worth, never below 0: the ageing a
    day that stand-ins showed, with its standard error, and the prior, weighted by their precisions.
    """
    mean, spread = _AGEING
    if ageing is None or error is None or error <= 0:
        return days * mean
    own, prior = 1 / error**2, 1 / spread**2
    return max(days * (own * ageing + prior * mean) / (own + prior), 0.0)


def undecided(gates: Sequence[Gate]) -> bool:
    """True where nothing but the proof is missing: only `no_worse` and `worth_it` failed, and the
    rows allow for a challenger that is better. Judged on as labels arrive, it may still be shown.
    """
    failed = [gate for gate in gates if not gate.passed]
    compared = next((gate for gate in gates if gate.name == "no_worse"), None)
    if not failed or compared is None or compared.high is None or compared.low is None:
        return False
    return {gate.name for gate in failed} <= {"no_worse", "worth_it"} and compared.low <= 0 < compared.high


def twin_gate(policy: Policy, rows: ScoredRows, served: Floats) -> Gate:
    """The gate that what serves answers like the twin that was judged. `served` are its answers to
    the twin's rows, shape (n,).

    It has learnt these rows and the twin has not, so it answers them no worse; and then it is no
    further from the twin than the sum of both errors (triangle inequality). A failed training, or
    files of another model, answer them worse.
    """
    metric = loss_of(policy.data.task)
    found = compare(metric, rows.target, rows.challenger, served, rows.blocks, policy.validation.confidence)
    allowed = _LIKE * abs(found.champion)
    passed = bool(np.isfinite(served).all()) and not found.gain.high < -allowed
    words = f"what is to serve has learnt {found.rows} rows that its twin has not; on them its {metric} is {found.challenger:.4f}"
    sentence = f"{words}, the twin's {found.champion:.4f} (gain {_interval(found)}); {allowed:.4g} worse is allowed"
    return _gate("like_its_twin", passed, sentence, found, -allowed)


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


def old_regime_gate(policy: Policy, remedy: Remedy, rows: ScoredRows, cause: Cause, outside: str = "", *, asked: bool = False) -> Gate:
    """The gate on the rows that the champion was judged by.

    Where labels prove that the concept changed, or a level was corrected, the old answers are wrong
    now, and where the world moved on, the old rows are not those that will be asked about: there
    this gate only reports (under `cautious` a world that moved is no excuse). `outside` names the
    segment that changed when `rows` are those outside of it, and then it holds there. `asked`: a
    person decides whether what looks broken is how the stream is now.
    """
    metric = metric_of(policy, remedy)
    found = compare_with_champion(metric, rows, policy)
    margin = _margin(policy.validation.oldRegimeMargin, found)
    where = f"the champion's reference rows outside of {outside}" if outside else "the champion's reference rows"
    if not found.rows:
        return Gate("old_regime", True, f"none of {where} lies within retrain.history, so nothing is compared on them")
    words = f"on {found.rows} of {where} the challenger's {_numbers(found)}"
    excuse = "a person is asked whether the newest rows count" if asked else _excuse(policy, remedy, cause, outside)
    if excuse:
        return _gate("old_regime", True, f"{words}; reported only, because {excuse}", found, -margin)
    passed = not np.isfinite(found.gain.value) or found.gain.high >= -margin
    return _gate("old_regime", passed, f"{words}; {margin:.4g} worse is allowed beyond the interval", found, -margin)


def _excuse(policy: Policy, remedy: Remedy, cause: Cause, outside: str) -> str:
    if remedy is Remedy.RECALIBRATE:
        return "the level has moved since, and the level is what was corrected"
    if cause is Cause.CONCEPT_DRIFT and not outside:
        return "the labels prove that the concept has changed since"
    if cause in _WORLD and policy.retrain.risk is not Risk.CAUTIOUS:
        return "the world has moved on since, and the newest rows count"
    return ""


def first_gates(policy: Policy, rows: ScoredRows, constant: Floats) -> tuple[Gate, ...]:
    """The gates of a first champion, which is compared with `constant`, the mean of the training
    labels in every row.
    """
    labels = label_gate(policy, rows, policy.validation.minLabels)
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


def _no_worse(policy: Policy, found: PairedComparison, rows: ScoredRows) -> Gate:
    margin, cautious = policy.validation.margin, policy.retrain.risk is Risk.CAUTIOUS
    newer = _newer_rows(found, rows)
    if margin:
        passed, asked = found.gain.low >= -margin, f"it has to be shown to be no more than {margin:g} worse"
    elif cautious:
        passed, asked = found.gain.low > 0 or _same(found), "it has to be shown to be better"
    else:
        passed, asked = not found.gain.high < -newer, f"it must not be shown to be worse{_allowed(newer)}"
    sentence = f"on {found.rows} rows that neither has learnt from {rows.name}'s {_numbers(found)}; {asked}"
    return _gate("no_worse", passed, sentence, found, -margin if margin or cautious else -newer)


def _newer_rows(found: PairedComparison, rows: ScoredRows) -> float:
    """The gain that is expected of the newest rows, which the twin has not learnt, in the metric's
    unit.
    """
    return _OF_THE_LOSS[found.metric] * rows.newer * _scale(found)


def _allowed(newer: float) -> str:
    return f" by more than the newest rows teach ({newer:.4g})" if newer else ""


def _scale(found: PairedComparison) -> float:
    """The unit of `_EXPECTED`, and of a share of the loss."""
    return 1.0 if found.metric in HIGHER_IS_BETTER else abs(found.champion)


def _worth_it(policy: Policy, found: PairedComparison, rows: ScoredRows, *, expected: bool) -> Gate:
    least, risk = policy.validation.minGain, policy.retrain.risk
    value, words = found.gain.value, f"{rows.name} gains {found.gain.value:.4f} in {found.metric}"
    if least or risk is Risk.CAUTIOUS:
        asked = f"{least:g} is" if least else "more than nothing is"
        return _gate("worth_it", value > 0 and value >= least, f"{words}; {asked} asked", found, least)
    if risk is Risk.EAGER:
        return _gate("worth_it", True, f"{words}; under risk eager nothing is asked", found, 0.0)
    whole = _expected_gain(found, rows, expected=expected)
    known = ", and by what age or labels had shown before," if expected else ""
    sentence = f"{words}; counting the newest rows{known} {whole:+.4f} is expected; more than nothing is asked"
    return _gate("worth_it", whole > 0, sentence, found, 0.0)


def _expected_gain(found: PairedComparison, rows: ScoredRows, *, expected: bool) -> float:
    """The gain that these rows and the prior expectation give together, each weighted by its
    precision: (g / s² + m / t²) / (1 / s² + 1 / t²), g and s these rows' estimate and standard
    error, m and t the prior's (a normal mean with a normal prior; Gelman et al. 2013, Bayesian Data
    Analysis, section 2.5), and what the newest rows teach. NaN for rows that say nothing.

    Without a reason to expect a gain these rows alone decide: a prior round 0 changes no sign.
    """
    assert rows.champion is not None
    gain, newer, scale = found.gain.value, _newer_rows(found, rows), _scale(found)
    one = compare(found.metric, rows.target, rows.champion, rows.challenger, rows.blocks, _ONE_ERROR).gain
    error = (one.high - one.low) / 2
    if not expected or not np.isfinite(error) or error == 0 or scale == 0:
        return gain + newer
    mean, spread = _EXPECTED[found.metric]
    own, prior = 1 / error**2, 1 / (spread * scale) ** 2
    return float((own * gain + prior * mean * scale) / (own + prior)) + newer


def _ranking(policy: Policy, found: PairedComparison) -> Gate:
    margin = policy.validation.margin
    passed = found.gain.low >= -margin or _same(found)
    return _gate("ranking", passed, f"the correction leaves the ranking as it was: {_numbers(found)}", found, -margin)


def _slice_gates(policy: Policy, metric: str, rows: ScoredRows) -> tuple[Gate, ...]:
    """One gate per sliced column. The intervals are widened by the number of slices that are judged
    in all (Bonferroni), so that one of many small ones is no veto by noise.
    """
    judged = {column: list(slices(column, rows.columns[column])) for column in policy.slices}
    large = {
        column: [each for each in found if _is_large_enough(policy.data.task, rows.target[each.rows])] for column, found in judged.items()
    }
    count = sum(len(found) for found in large.values())
    return tuple(_slice_gate(policy, metric, column, rows, large[column], len(judged[column]), count) for column in policy.slices)


def _fairness_gates(policy: Policy, rows: ScoredRows) -> tuple[Gate, ...]:
    assert rows.champion is not None
    return fairness_gates(policy, GroupedAnswers(rows.target, rows.challenger, rows.champion, rows.blocks, rows.columns))


def _slice_gate(policy: Policy, metric: str, column: str, rows: ScoredRows, large: Sequence[Slice], all_of: int, count: int) -> Gate:
    """One gate for all values of a column: it names the worst one, and fails for any that is worse
    beyond margin and interval.
    """
    found = [(each, compare_with_champion(metric, rows.only(each.rows), policy, count)) for each in large]
    small = all_of - len(large)
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
