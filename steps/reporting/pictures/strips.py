"""A gate as one row of a forest plot: value, interval and threshold on the gate's own axis."""

from markupsafe import Markup

from modelmedic.steps.contracts.training import Gate
from modelmedic.steps.reporting.pictures.svg import Scale, line, picture, tag, text, tip
from modelmedic.steps.reporting.pictures.text import number, plain, short

_WIDTH, _HEIGHT = 320.0, 46.0


def strip(gate: Gate, around: tuple[float, float] | None = None) -> Markup | None:
    """The drawing of a gate; None for one without a number. `around` is an axis that several gates
    of one unit share.
    """
    if gate.value is None:
        return None
    low, high = around or extent((gate,))
    x = Scale(low, high, 14.0, _WIDTH - 14.0)
    side = "good" if gate.passed else "bad"
    parts = [line(8, 22, _WIDTH - 8, 22, "grid")]
    if low < 0 < high and gate.threshold != 0:
        parts += [line(x(0.0), 15, x(0.0), 29, "grid-strong")]
    if gate.threshold is not None:
        at = x(gate.threshold)
        parts += [line(at, 6, at, 36, "limit"), text(at, 45, f"limit {plain(gate.threshold)}", "tick", _anchor(at))]
    if gate.low is not None and gate.high is not None:
        parts += [line(x(gate.low), 22, x(gate.high), 22, f"{side}-whisker")]
        parts += [line(x(edge), 17, x(edge), 27, f"{side}-whisker") for edge in (gate.low, gate.high)]
    at = x(gate.value)
    parts += [_mark(gate, at), text(at, 11, number(gate.value), "tick-strong", _anchor(at))]
    return picture(_WIDTH, _HEIGHT, f"{short(gate.name)}: {short(gate.sentence, 200)}", parts)


def extent(gates: tuple[Gate, ...]) -> tuple[float, float]:
    """The range of the gates' numbers with a margin; a lone number gets zero beside it."""
    seen = [n for g in gates for n in (g.value, g.threshold, g.low, g.high) if n is not None]
    if len(set(seen)) < 2:
        seen = [*seen, 0.0]
    low, high = min(seen), max(seen)
    room = 0.1 * ((high - low) or 1.0)
    return low - room, high + room


def _mark(gate: Gate, at: float) -> Markup:
    """A dot that passed is round, one that failed is a cross: colour alone says nothing."""
    said = tip(gate.sentence)
    if gate.passed:
        return tag("circle", said, cx=at, cy=22, r=5.2, class_="good-dot")
    return tag("path", said, d=f"M{at - 5:.1f} 17 l10 10 m0 -10 l-10 10", class_="bad-cross")


def _anchor(at: float) -> str:
    return "start" if at < 40 else "end" if at > _WIDTH - 40 else "middle"
