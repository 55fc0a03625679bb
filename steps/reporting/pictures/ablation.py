"""The losses of models taught with and without rows that stay set aside, and of the champion, on
the same newest rows; drawn on the incident page for the person who is asked about these rows.
"""

from markupsafe import Markup

from modelmedic.steps.contracts.comparison import Ablation, AblationBlock
from modelmedic.steps.reporting.pictures.curves import Curve, curves
from modelmedic.steps.reporting.pictures.text import moment, number

# Field of a block, name, and the classes of its line and its dots.
_MODELS = (
    ("champion", "the one that serves", "age-known", ""),
    ("taught_without", "taught without them", "age-line", "age-dot"),
    ("taught_with", "taught with them", "cur-line", "cur-dot"),
)


def ablation_curves(found: Ablation, loss: str) -> Markup | None:
    """Up to three curves; None for fewer than two stretches. `loss` is the name of the loss."""
    each = [(model, tuple(getattr(block, model[0]) for block in found.blocks)) for model in _MODELS]
    drawn = [Curve(name, values, line, dot) for (_, name, line, dot), values in each if all(value is not None for value in values)]
    axis = f"mean {loss} of the newest labelled rows, in stretches of equally many"
    return curves([block.start for block in found.blocks], drawn, [_tip(block) for block in found.blocks], axis, found.sentence)


def _tip(block: AblationBlock) -> str:
    said = [f"{name} {number(loss, 4)}" for field, name, *_ in _MODELS if (loss := getattr(block, field)) is not None]
    return f"from {moment(block.start)} on: {', '.join(said)}, on {block.rows} labels"
