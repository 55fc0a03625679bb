"""The head of the incident page: outcome, cause, remedy, the version that serves now, and the few
figures that matter most to an engineer on call.
"""

from collections.abc import Mapping
from typing import Any

from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.reporting.pictures.text import NOTHING, lasting, number, percent, short, words
from modelmedic.steps.reporting.story import Story

_BADGES = {
    Outcome.HEALED: ("✓", "good"),
    Outcome.ROLLED_BACK: ("↶", "info"),
    Outcome.QUARANTINED: ("■", "warn"),
    Outcome.NO_ACTION: (NOTHING, "grey"),
    Outcome.REJECTED: ("✕", "warn"),
    Outcome.WITHDRAWN: ("↶", "warn"),
    Outcome.ESCALATED: ("!", "bad"),
    Outcome.SUGGESTED: (NOTHING, "grey"),
    Outcome.OBSERVED: (NOTHING, "grey"),
}


def outcome(story: Story) -> str:
    return story.closing.outcome.value if story.closing else "open"


def headline(story: Story) -> Mapping[str, Any]:
    symbol, tone = _BADGES[story.closing.outcome] if story.closing else ("…", "warn")
    return {
        "model": short(story.incident.model, 80),
        "symbol": symbol,
        "tone": tone,
        "outcome": outcome(story),
        "lines": [line for line in (_ending(story), _cause(story), _remedy(story), _serving(story), _later(story)) if line],
    }


_Line = tuple[str, str, str]


def _ending(story: Story) -> _Line:
    if story.closing is None:
        return (
            "Outcome",
            "not finished",
            f": the last thing recorded is {words(story.stages[-1])}" if story.stages else ": nothing is recorded",
        )
    broke = "a step ended in an error; " if story.closing.by_error else ""
    return ("Outcome", words(story.closing.outcome.value), f": {broke}{story.closing.sentence}")


def _cause(story: Story) -> _Line:
    found = story.diagnosis
    if found is None:
        when = "the heal ended before there was a diagnosis" if story.closing else "there is no diagnosis yet"
        return ("Cause", "not known", f": {when}")
    return ("Cause", f"{words(found.cause.value)} ({percent(found.confidence)} sure)", f": {found.sentence}")


def _remedy(story: Story) -> _Line | None:
    chosen = story.decision
    if chosen is None:
        return None
    approval = ", which needs a person's approval" if chosen.needs_approval else ""
    limits = "; ".join(short(each.sentence, 200) for each in chosen.objections) or "a limit spoke against it"
    held = f"; the rule asked for {words(chosen.wanted.value)}, held back because {limits}" if chosen.wanted != chosen.remedy else ""
    rule = f": rule {short(chosen.rule)}, autonomy {chosen.autonomy.value}{approval}{held}"
    return ("Remedy", words(chosen.remedy.value), rule)


def _serving(story: Story) -> _Line | None:
    before, after = story.champion, story.champion
    moved = story.deploy or story.rollback
    if moved is not None:
        before, after = moved.before, moved.after
    elif story.closing is not None:
        before, after = story.closing.champion_before or before, story.closing.champion_after or after
    if after is None:
        return None
    return ("Serving", f"version {short(after)}", ", as before" if before == after else f" in place of version {short(before)}")


def _later(story: Story) -> _Line | None:
    if story.undone is not None:
        why = f" ({story.undone.reason})" if story.undone.reason else ""
        return ("Later", f"undone by {short(story.undone.by)}", f": {story.undone.sentence}{why}")
    if story.assessment is None:
        return None
    unclear = "labels do not tell whether the heal helped"
    said = unclear if not story.assessment.told_apart else "the heal helped" if story.assessment.effective else "the heal did not help"
    return ("Later", said, f": {story.assessment.sentence}")


def cards(story: Story) -> list[Mapping[str, str]]:
    shown = []
    whole = story.comparison.whole if story.comparison else None
    if story.comparison and whole and whole.reference and whole.current:
        rows = f"mean {story.comparison.loss}, reference → window, {number(whole.current.rows)} labels"
        shown.append(_figure("Loss of the champion", f"{number(whole.reference.value)} → {number(whole.current.value)}", rows))
    metric = story.policy.metric
    metrics = story.validation.metrics if story.validation else {}
    if (champion := metrics.get(f"champion_{metric}")) is not None and (challenger := metrics.get(f"challenger_{metric}")) is not None:
        label = metric.upper() if metric == "auc" else words(metric)
        shown.append(
            _figure("Challenger against champion", f"{number(champion)} → {number(challenger)}", f"{label} on the same held-out rows")
        )
    if story.closing:
        shown.append(_figure("From alert to end", lasting(story.closing.at - story.incident.opened_at), "in the model's time"))
    if story.validation and story.validation.gates:
        passed = sum(gate.passed for gate in story.validation.gates)
        shown.append(_figure("Gates passed", f"{passed} of {len(story.validation.gates)}", "every one has to pass"))
    return shown


def _figure(name: str, value: str, sub: str) -> Mapping[str, str]:
    return {"name": name, "value": value, "sub": sub}
