"""A change beside the model that somebody noted: a job, a feature, a setting or a source of its
data. It names what may have caused an incident, and decides nothing.
"""

from dataclasses import dataclass
from datetime import datetime

from modelmedic.steps.contracts.words import ChangeKind

LONGEST = 300  # characters of a text


@dataclass(frozen=True, slots=True)
class ChangeEvent:
    """`at` is when the change took effect, `noted_at` when somebody said so. `columns` are those
    that it touches, where that is known. `model` is None for a change that concerns every model.
    """

    at: datetime
    kind: ChangeKind
    what: str
    model: str | None = None
    columns: tuple[str, ...] = ()
    by: str = ""
    link: str = ""
    noted_at: datetime | None = None
