"""The samples that a run of moments pushes to Prometheus: values of the metrics that
`modelmedic.steps.contracts.metrics` names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.metrics import Metric


@dataclass(frozen=True, slots=True)
class Sample:
    """One value; `labels` beside the model's, which its publisher adds where the metric has one."""

    metric: Metric
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        own = set(self.metric.labels) - {"model"}
        if set(self.labels) != own:
            raise BadInput(f"metric {self.metric} got the labels {sorted(self.labels)} beside its model; expected {sorted(own)}")


class Publisher(Protocol):
    """The port that samples are pushed to. What was published for the same job and model before is
    replaced as a whole.
    """

    def publish(self, job: str, model: str | None, samples: Sequence[Sample]) -> None:
        """Push the samples; `model` None is for those of no one model. Raises Transient."""
        ...
