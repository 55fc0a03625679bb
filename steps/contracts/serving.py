"""What serves a model, as seen from outside."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Served:
    """One running predictor. `url` is where its V2 protocol answers."""

    version: str
    digest: str
    uri: str
    url: str
    ready: bool = True


@dataclass(frozen=True, slots=True)
class ServingState:
    """`generation` rises with every change and is what a change must expect (compare-and-swap)."""

    generation: int
    champion: Served | None
    canary: Served | None = None
    canary_percent: int = 0
    previous: Served | None = None  # the last good state, kept for the way back
    annotations: Mapping[str, str] = field(default_factory=dict)
