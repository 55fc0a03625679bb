"""The year as a picture: the AUC of the frozen model and of the healed one, and the incidents."""

from pathlib import Path

from modelmedic.examples.flights.faults import BROKEN
from modelmedic.examples.flights.stream import month
from modelmedic.examples.flights.timeline import Mark, Point, timeline
from modelmedic.examples.flights.year import Healed, Month
from modelmedic.steps.contracts.words import Outcome

_TITLE = "A flight-delay model in 2013: frozen in February, and healed"


def draw(months: tuple[Month, ...], *files: Path) -> Path:
    """Draw the year into each file, as PNG or SVG by the ending of its name; the first file."""
    points = [Point(month(m.number), m.frozen.auc, m.healed.auc) for m in months]
    marks = [_mark(found) for m in months for found in m.incidents if found.outcome != Outcome.NO_ACTION.value]
    for file in files:
        file.write_bytes(timeline(points, marks, metric="AUC", title=_TITLE, form="png" if file.suffix == ".png" else "svg"))
    return files[0]


def _mark(found: Healed) -> Mark:
    aside = found.outcome == Outcome.QUARANTINED.value and found.at in BROKEN
    return Mark(found.at, found.outcome, found.outcome.replace("_", " "), BROKEN if aside else None)
