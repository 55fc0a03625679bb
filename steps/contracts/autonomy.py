"""The word of a person about autonomy that had fallen."""

from dataclasses import dataclass
from datetime import datetime

from modelmedic.steps.contracts.words import Remedy


@dataclass(frozen=True, slots=True)
class AutonomyRestore:
    """The level of a remedy given back after it fell. It names the incidents whose falls it lifts,
    so that none that comes later is lifted by it.
    """

    model: str
    remedy: Remedy
    incidents: tuple[str, ...]
    by: str
    reason: str
    at: datetime
