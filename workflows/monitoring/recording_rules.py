"""Recording rules: what dashboards would otherwise compute anew for every person and every refresh.
Names are level:metric:operation, as Prometheus recommends.
"""

from dataclasses import dataclass
from typing import Final

from modelmedic.steps.contracts import metrics as m
from modelmedic.steps.contracts.words import VerdictState

# The number of a verdict in dashboards, which draw numbers. Higher is worse.
STATE_NUMBERS: Final = {
    VerdictState.INSUFFICIENT: 0,
    VerdictState.QUIET: 1,
    VerdictState.DRIFTED: 2,
    VerdictState.DEGRADED: 3,
    VerdictState.BROKEN: 4,
}
_BY: Final = "model, version"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A series that Prometheus computes from others as time goes by."""

    name: str
    expr: str

    def __str__(self) -> str:
        return self.name


def _rate(metric: m.Metric, by: str = _BY) -> str:
    return f"sum by ({by}) (rate({metric}[5m]))"


STATE: Final = Recorded(
    "model:modelmedic_verdict:number",
    "max by (model) ("
    + " or ".join(f'({m.VERDICT}{{state="{state.value}"}} == 1) * {number}' for state, number in STATE_NUMBERS.items())
    + ")",
)
REQUEST_RATE: Final = Recorded("model_version:modelmedic_requests:rate5m", _rate(m.REQUESTS))
# A predictor has no series of failures before its first one, and no failure is a share of 0.
FAILED_SHARE: Final = Recorded(
    "model_version:modelmedic_request_failures:ratio_rate5m",
    f"({_rate(m.FAILURES)} or {_rate(m.REQUESTS)} * 0) / ({_rate(m.REQUESTS)} > 0)",
)
SLOWEST: Final = Recorded(
    "model_version:modelmedic_request_seconds:p95_5m",
    f"histogram_quantile(0.95, sum by (le, {_BY}) (rate({m.SECONDS}_bucket[5m])))",
)
RECORDED: Final = (STATE, REQUEST_RATE, FAILED_SHARE, SLOWEST)
