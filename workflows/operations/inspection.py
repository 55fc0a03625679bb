"""The answer of `modelmedic doctor` about one thing."""

from dataclasses import asdict, dataclass
from typing import Any

OK, MISSING, UNKNOWN = "ok", "missing", "unknown"


@dataclass(frozen=True, slots=True)
class Inspection:
    """The state of one thing. `remedy` says what to do when it is missing."""

    subject: str
    state: str
    sentence: str
    remedy: str = ""


def plain(inspections: list[Inspection]) -> list[dict[str, Any]]:
    return [asdict(each) for each in inspections]
