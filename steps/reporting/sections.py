"""The sections on comparison and diagnosis that incident page and opinion share, as plain values
for the templates.
"""

from collections.abc import Mapping
from typing import Any

from modelmedic.steps.contracts.detection import Verdict
from modelmedic.steps.contracts.diagnosis import Diagnosis, Hypothesis
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.reporting.comparison import Comparison
from modelmedic.steps.reporting.pictures.distributions import distribution
from modelmedic.steps.reporting.pictures.means import means
from modelmedic.steps.reporting.pictures.text import number, percent, short
from modelmedic.steps.reporting.pictures.values import ColumnComparison

# The sentence on each cause that was considered and ruled out, in the order of the diagnosis.
_NOT_FOUND = {
    Cause.DATA_QUALITY: "no missing, retyped, stuck, null, infinite, unseen or duplicated values, and no change of unit",
    Cause.BAD_RELEASE: "no change of the model version explains it",
    Cause.SEASONAL: "the same phase of an earlier season does not explain it",
    Cause.COVARIATE_SHIFT: "no column's distribution moved beyond its limit",
}
_NOT_FOUND_ON_LABELS = {
    Cause.LABEL_QUALITY: "the labels show no noise, no constant and no other unit",
    Cause.CONCEPT_DRIFT: "given the inputs, the labels behave as before",
    Cause.LABEL_SHIFT: "the labels' level is where the predictions expect it",
}


def comparison_section(comparison: Comparison | None) -> Mapping[str, Any] | None:
    """Cards and figures of the two sections on drift and labels."""
    if comparison is None:
        return None
    whole = comparison.whole
    return {
        "rows": comparison.rows,
        "cards": [_card(drawn) for drawn in comparison.columns],
        "loss": comparison.loss,
        "whole": (whole.reference.value, whole.current.value) if whole and whole.reference and whole.current else None,
        "losses": [{"name": short(cut.column), "picture": means(cut, f"mean {comparison.loss}", whole=whole)} for cut in comparison.losses],
        "residuals": [
            {"name": short(cut.column), "picture": means(cut, "mean of label minus prediction", zero=True)} for cut in comparison.residuals
        ],
    }


def _card(drawn: ColumnComparison) -> Mapping[str, Any]:
    return {
        "name": short(drawn.column),
        "blamed": drawn.blamed,
        "shift": drawn.shift,
        "middles": drawn.middles,
        "nulls": drawn.nulls,
        "problems": drawn.problems[:4],
        "picture": distribution(drawn),
        "beyond": _beyond(drawn),
    }


def _beyond(drawn: ColumnComparison) -> str:
    if drawn.bins is None or max(drawn.bins.beyond) < 0.005:
        return ""
    return f"Beyond the axis: {percent(drawn.bins.beyond[0])} of the reference, {percent(drawn.bins.beyond[1])} of this window."


def drift_sentence(verdict: Verdict | None, comparison: Comparison | None) -> str:
    if verdict is not None and verdict.sentence:
        told = (
            f"{verdict.sentence[:1].upper()}{verdict.sentence[1:]} ({number(verdict.rows)} rows against {number(verdict.reference_rows)})."
        )
        return f"{told} {_expected(verdict)}".rstrip()
    if comparison is None:
        return ""
    drifted = [drawn.column for drawn in comparison.columns if drawn.shift and drawn.shift.shifted]
    if not drifted:
        return "No column that is shown here moved beyond its limit."
    return f"{len(drifted)} of the columns shown moved beyond their limits, most of all {short(drifted[0])}."


def _expected(verdict: Verdict) -> str:
    said = verdict.expected.sentence if verdict.expected else ""
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def causes_considered(diagnosis: Diagnosis | None) -> Mapping[str, Any]:
    """The causes that were named with their probabilities, those that were ruled out, and those
    that could not be considered without labels.
    """
    if diagnosis is None:
        return {"named": [], "out": [], "unasked": []}
    first = Hypothesis(diagnosis.cause, diagnosis.confidence, diagnosis.columns, diagnosis.segment)
    standing = (first, *diagnosis.runners_up)
    named = [
        {"cause": h.cause.value, "share": h.confidence, "sentence": h.sentence, "where": _where(h) if h.sentence else ""} for h in standing
    ]
    known = {h.cause for h in standing} | set(diagnosis.also)
    if diagnosis.cause is Cause.INSUFFICIENT_EVIDENCE and diagnosis.loss_increase is None:
        return {"named": named, "out": [], "unasked": []}  # too little was there to ask anything
    on_labels = diagnosis.loss_increase is not None
    asked = {**_NOT_FOUND, **(_NOT_FOUND_ON_LABELS if on_labels else {})}
    out = [{"cause": cause, "sentence": asked[cause]} for cause in Cause if cause in asked and cause not in known]
    unasked = [] if on_labels else [cause for cause in _NOT_FOUND_ON_LABELS if cause not in known]
    return {"named": named, "out": out, "unasked": unasked}


def _where(hypothesis: Hypothesis) -> str:
    columns = ", ".join(short(column, 30) for column in hypothesis.columns[:4])
    return f"{short(hypothesis.segment.column)} = {short(hypothesis.segment.value)}" if hypothesis.segment else columns
