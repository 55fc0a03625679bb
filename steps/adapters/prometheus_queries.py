"""The health of what serves a model, asked of a Prometheus that scrapes its predictors."""

import json
import math
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from modelmedic.steps.adapters.http import HttpClient
from modelmedic.steps.adapters.predictor.counters import RECENT_P95, REQUESTS
from modelmedic.steps.contracts.errors import ModelmedicError, Transient
from modelmedic.steps.contracts.serving import Traffic
from modelmedic.steps.contracts.window import Window

PROMETHEUS: Final = "MODELMEDIC_PROMETHEUS"


class PrometheusHealth:
    """Implements `ServiceHealth` for one model at the Prometheus of `url`.

    Counts are those of `increase`, summed over pods: a counter's first value is not counted, and
    the ends of the window are extrapolated, by at most a scrape interval each. Times are the mean
    over the pods' own 95th percentile of recent requests.
    """

    def __init__(self, url: str, model: str) -> None:
        self._url = url
        self._model = model

    def between(self, version: str, window: Window) -> Traffic | None:
        labels = f"model={json.dumps(self._model)},version={json.dumps(version)}"
        span = f"[{math.ceil(window.length.total_seconds())}s]"
        requests, failed = (f"sum(increase({REQUESTS}_total{{{each}}}{span}))" for each in (labels, f'{labels},code=~"5.."'))
        with HttpClient(self._url, "Prometheus") as client:
            asked = self._value(client, requests, window.end)
            if asked is None:
                return None
            failures = self._value(client, failed, window.end) or 0.0
            slowest = self._value(client, f"avg(avg_over_time({RECENT_P95}{{{labels}}}{span}))", window.end)
        count = round(asked)
        return Traffic(count, min(round(failures), count), slowest * 1000 if slowest is not None else None)

    def _value(self, client: HttpClient, query: str, at: datetime) -> float | None:
        """The one number of an instant query; None where no series matches. Raises Transient."""
        path = f"/api/v1/query?{urlencode({'query': query, 'time': f'{at.timestamp():.3f}'})}"
        try:
            return _number(client.call_json("GET", path))
        except (ModelmedicError, KeyError, IndexError, TypeError, ValueError) as error:
            raise Transient(
                f"Prometheus does not say how the service of {self._model} is: {error}; expected {PROMETHEUS} to name a Prometheus"
            ) from error


def _number(answer: dict[str, Any]) -> float | None:
    """The value of an instant vector of at most one series. Raises KeyError and its like for any
    other answer.
    """
    found = answer["data"]["result"]
    value = float(found[0]["value"][1]) if found else math.nan
    return value if math.isfinite(value) else None
