"""What came of the decisions of each rule, as bars of counts."""

from collections.abc import Sequence

from markupsafe import Markup

from modelmedic.steps.core.review.rules import Judged, RuleReview
from modelmedic.steps.reporting.pictures.svg import Scale, picture, rect, tag, text, tip

_WIDTH, _ROW, _LEFT, _RIGHT, _TOP = 760.0, 26.0, 190.0, 44.0, 6.0
COLOURS = {
    Judged.HELPED: "good-bar",
    Judged.RIGHT: "right-bar",
    Judged.NO_DIFFERENCE: "same-bar",
    Judged.NOT_JUDGED: "open-bar",
    Judged.OVERRIDDEN: "warn-bar",
    Judged.HARMED: "bad-bar",
}


def words(kind: Judged) -> str:
    """The kind as people read it."""
    return kind.value.replace("_", " ")


def decisions(rules: Sequence[RuleReview]) -> Markup | None:
    """A bar for each rule that fired, the most often first; None where none did."""
    fired = sorted((rule for rule in rules if rule.fired), key=lambda rule: -rule.fired)
    if not fired:
        return None
    x = Scale(0.0, float(fired[0].fired), _LEFT, _WIDTH - _RIGHT)
    parts = [part for place, rule in enumerate(fired) for part in _bar(rule, _TOP + place * _ROW, x)]
    said = "; ".join(f"{rule.id} fired {rule.fired} times" for rule in fired)
    return picture(_WIDTH, _TOP + len(fired) * _ROW + 4, said, parts)


def _bar(rule: RuleReview, y: float, x: Scale) -> list[Markup]:
    parts = [text(_LEFT - 10, y + 15, rule.id, "tick-strong", "end")]
    before = 0
    for kind, colour in COLOURS.items():
        count = rule.judged.get(kind, 0)
        if count:
            shown = tip(f"{rule.id}: {count} of {rule.fired} {words(kind)}")
            parts.append(tag("g", shown, rect(x(before), y + 3, x(before + count) - x(before), _ROW - 8, colour)))
            before += count
    return [*parts, text(x(before) + 8, y + 15, str(rule.fired), "tick")]
