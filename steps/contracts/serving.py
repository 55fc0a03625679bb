"""The serving of a model, as seen from outside."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Served:
    """One running predictor. `url` is where its V2 protocol answers; of the champion, where callers
    ask, so that a canary gets its share of them.
    """

    version: str
    digest: str
    uri: str
    url: str
    ready: bool = True


@dataclass(frozen=True, slots=True)
class ForeignService:
    """A serving object that somebody else made under the name that a policy gives. `found` names
    what it serves by: runtime, image, storageUri.
    """

    name: str
    place: str
    found: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        holds = f"its predictor has {', '.join(self.found)}" if self.found else "its predictor names neither a runtime nor a model"
        return (
            f"InferenceService {self.name} in {self.place} was not made by modelmedic: {holds}; it is left as it is. "
            "Give serving.inferenceService another name in the policy, or see docs/install.md (a service that is there already)"
        )


@dataclass(frozen=True, slots=True)
class ServingState:
    """`generation` rises with every change and is what a change must expect (compare-and-swap).
    `foreign` is what stands in the place of a champion and is not ours. `stopped`: a person has
    ended all processes on this machine, so that nothing is to answer.
    """

    generation: int
    champion: Served | None
    canary: Served | None = None
    canary_percent: int = 0
    previous: Served | None = None  # the last good state, kept for the way back
    annotations: Mapping[str, str] = field(default_factory=dict)
    foreign: ForeignService | None = None
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Traffic:
    """The answers of one predictor since it came up, replays left out; counters only rise while it
    lives.
    """

    requests: int
    failures: int  # answered with 5xx, or not at all
    latency_p95_ms: float | None = None  # over recent requests; None before the first


@dataclass(frozen=True, slots=True)
class Prediction:
    """An answer to some rows: one number per row, who gave it, and how long it took."""

    values: tuple[float, ...]
    version: str
    latency_ms: float
    digest: str = ""  # of the model's files, where the predictor says it


def noted(notes: Mapping[str, str], change: Mapping[str, str | None]) -> dict[str, str]:
    """The notes with a change made to them, in which None takes one off."""
    return {key: value for key, value in {**notes, **change}.items() if value is not None}
