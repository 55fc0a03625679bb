"""The HTML page of a gameday: the scorecard, and when the loop did what."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from markupsafe import Markup

from modelmedic.steps.gameday.judging import Drill, Grade
from modelmedic.steps.gameday.run import Gameday
from modelmedic.steps.reporting.pictures.svg import Scale, days, line, picture, rect, tag, text, tip
from modelmedic.steps.reporting.pictures.text import short, words
from modelmedic.steps.reporting.render import render

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW = 900.0, 130.0, 20.0, 12.0, 24.0
_MARKS: Final = {"healed": "▲", "rolled_back": "◀", "quarantined": "■", "rejected": "✕", "withdrawn": "✕", "escalated": "◆"}
_OTHER = "·"
_BADGES: Final = {
    Grade.AS_EXPECTED: ("good", "✓ as expected"),
    Grade.HARMLESS: ("warn", "○ harmless"),
    Grade.MISSED: ("bad", "✗ missed"),
    Grade.UNSAFE: ("bad", "✗✗ unsafe"),
}


def gameday_page(found: Gameday) -> str:
    """One HTML file without scripts."""
    return render(
        "gameday.html.j2",
        title=short(f"modelmedic: gameday of {found.model}", 120),
        found=found,
        sentence=_sentence(found.drills),
        drawing=drawing(found),
        badges=_BADGES,
    )


def drawing(found: Gameday) -> Markup:
    """A lane for each fault; the time with the fault is shaded."""
    plan, height = found.plan, _TOP + _ROW * len(found.drills)
    x = Scale(0.0, (plan.after.end - plan.calm.start).total_seconds(), _LEFT, _WIDTH - _RIGHT)

    def at(moment: datetime) -> float:
        return x((moment - plan.calm.start).total_seconds())

    begin = at(plan.after.start)
    parts = [rect(begin, _TOP, at(plan.after.end) - begin, height - _TOP, "set-aside", tip("with the fault"))]
    for number, drill in enumerate(found.drills):
        parts += _lane(drill, _TOP + _ROW * (number + 0.5), [at(one.closed or one.at) for one in drill.incidents])
    for moment in days(plan.calm.start, plan.after.end, 12):
        parts.append(line(at(moment), height, at(moment), height + 4, "base"))
        parts.append(text(at(moment), height + 16, f"{moment:%d %b}", "tick", "middle"))
    return picture(_WIDTH, height + 24, f"What the loop did about {len(found.drills)} faults of {found.model}, over time", parts)


def _lane(drill: Drill, height: float, places: Sequence[float]) -> Iterator[Markup]:
    yield text(0, height + 4, drill.fault, "tick")
    yield line(_LEFT, height, _WIDTH - _RIGHT, height, "grid")
    for place, one in zip(places, drill.incidents, strict=True):
        outcome = one.outcome.value if one.outcome else "open"
        cause = words(one.cause.value) if one.cause else "no cause yet"
        said = tip(f"{one.closed or one.at:%d %b %Y}, {words(outcome)}, {cause}: {one.sentence}")
        yield tag("g", said, text(place, height + 4, _MARKS.get(outcome, _OTHER), f"mark-{outcome}", "middle"))


def _sentence(drills: Sequence[Drill]) -> str:
    held = sum(drill.holds for drill in drills)
    unsafe = [drill.fault for drill in drills if drill.grade is Grade.UNSAFE]
    said = f"{held} of {len(drills)} drills hold."
    return f"{said} Unsafe: {', '.join(unsafe)}." if unsafe else said
