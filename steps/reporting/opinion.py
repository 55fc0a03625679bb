"""The HTML page of an opinion on two files: the sections of an incident page, without a heal."""

from collections.abc import Mapping
from typing import Any

from modelmedic.steps.contracts.decision import Decision
from modelmedic.steps.contracts.detection import Verdict
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.words import Cause, VerdictState
from modelmedic.steps.reporting.comparison import Comparison
from modelmedic.steps.reporting.pictures.text import number, percent, short, words
from modelmedic.steps.reporting.render import fragment, render
from modelmedic.steps.reporting.sections import causes_considered, comparison_section, drift_sentence

_TONES = {
    VerdictState.QUIET: "good",
    VerdictState.DRIFTED: "warn",
    VerdictState.DEGRADED: "bad",
    VerdictState.BROKEN: "bad",
    VerdictState.INSUFFICIENT: "grey",
}
_MOST_SHIFTS = 200


def opinion_page(
    reference: str,
    current: str,
    *,
    comparison: Comparison | None = None,
    verdict: Verdict | None = None,
    diagnosis: Diagnosis | None = None,
    decision: Decision | None = None,
) -> str:
    """The page as HTML without scripts; `reference` and `current` are the names of the two
    files.
    """
    title = short(f"modelmedic: {current} against {reference}", 120)
    return render("opinion.html.j2", title=title, **_values(reference, current, comparison, verdict, diagnosis, decision))


def opinion_fragment(
    reference: str,
    current: str,
    *,
    comparison: Comparison | None = None,
    verdict: Verdict | None = None,
    diagnosis: Diagnosis | None = None,
    decision: Decision | None = None,
) -> str:
    """The same for a notebook: the answer, with its pictures behind one click."""
    return fragment("notebook_opinion.html.j2", **_values(reference, current, comparison, verdict, diagnosis, decision))


def _values(
    reference: str,
    current: str,
    comparison: Comparison | None,
    verdict: Verdict | None,
    diagnosis: Diagnosis | None,
    decision: Decision | None,
) -> Mapping[str, Any]:
    return {
        "reference": reference,
        "current": current,
        "headline": _headline(verdict, diagnosis, decision),
        "cards": _cards(comparison, verdict, diagnosis),
        "problems": verdict.problems[:20] if verdict else (),
        "comparison": comparison_section(comparison),
        "drift_sentence": drift_sentence(verdict, comparison),
        "shifts": verdict.shifts[:_MOST_SHIFTS] if verdict else (),
        "diagnosis": diagnosis,
        "considered": causes_considered(diagnosis),
        "decision": decision,
    }


def _headline(verdict: Verdict | None, diagnosis: Diagnosis | None, decision: Decision | None) -> Mapping[str, Any]:
    lines = []
    if verdict is not None:
        lines.append(("Verdict", words(verdict.state.value), f": {verdict.sentence}"))
    if diagnosis is not None:
        lines.append(("Cause", f"{words(diagnosis.cause.value)} ({percent(diagnosis.confidence)} sure)", f": {diagnosis.sentence}"))
    if decision is not None:
        lines.append(("Remedy", words(decision.remedy.value), f": {decision.sentence}"))
    if diagnosis is not None:
        tone = "good" if diagnosis.cause is Cause.NONE else "grey" if diagnosis.cause is Cause.INSUFFICIENT_EVIDENCE else "warn"
        return {"title": "Why the windows differ", "badge": diagnosis.cause.value, "tone": tone, "lines": lines}
    state = verdict.state if verdict else VerdictState.INSUFFICIENT
    return {"title": "What differs", "badge": state.value, "tone": _TONES[state], "lines": lines}


def _cards(comparison: Comparison | None, verdict: Verdict | None, diagnosis: Diagnosis | None) -> list[Mapping[str, str]]:
    cards: list[Mapping[str, str]] = []
    rows = (verdict.reference_rows, verdict.rows) if verdict else None
    if rows:
        cards.append({"name": "Rows", "value": f"{number(rows[0])}, {number(rows[1])}", "sub": "reference, current"})
    if verdict and verdict.shifts:
        drifted = sum(shift.shifted for shift in verdict.shifts)
        cards.append({"name": "Columns drifted", "value": f"{drifted} of {len(verdict.shifts)}", "sub": "effect and p beyond their limits"})
    whole = comparison.whole if comparison else None
    if comparison and whole and whole.reference and whole.current:
        value = f"{number(whole.reference.value)} → {number(whole.current.value)}"
        cards.append({"name": "Loss", "value": value, "sub": f"mean {comparison.loss} on {number(whole.current.rows)} labels"})
    if diagnosis and diagnosis.onset:
        cards.append({"name": "Since", "value": f"{diagnosis.onset:%Y-%m-%d}", "sub": f"{diagnosis.onset:%H:%M} UTC"})
    return cards
