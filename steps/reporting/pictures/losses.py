"""The losses of two versions on the same rows, day by day; drawn on the incident page once a heal
is judged.
"""

from collections.abc import Sequence

from markupsafe import Markup

from modelmedic.steps.contracts.comparison import LossBlock
from modelmedic.steps.reporting.pictures.curves import Curve, curves
from modelmedic.steps.reporting.pictures.text import day, number, short


def losses(blocks: Sequence[LossBlock], served: str, other: str, loss: str) -> Markup | None:
    """Two lines; None for fewer than two days. `loss` is the name of the loss."""
    own, theirs = f"version {short(served)}", f"version {short(other)}"
    fewer = sum(block.served < block.other for block in blocks)
    return curves(
        [block.start for block in blocks],
        [
            Curve(f"{theirs}, asked", tuple(block.other for block in blocks), "age-known"),
            Curve(own, tuple(block.served for block in blocks), "age-line", "age-dot"),
        ],
        [f"{day(b.start)}: {own} lost {number(b.served, 4)}, {theirs} {number(b.other, 4)}, on {b.rows} labels" for b in blocks],
        f"mean {loss} of the same rows, by day",
        f"Version {short(served)} lost less than {theirs} on {fewer} of {len(blocks)} days.",
    )
