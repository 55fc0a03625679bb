"""The counters of a predictor, read from its /metrics."""

from modelmedic.steps.contracts.errors import Transient
from modelmedic.steps.contracts.serving import Traffic

REQUESTS = "modelmedic_requests"  # with the label `code`; replays are counted elsewhere
RECENT_P95 = "modelmedic_recent_p95_seconds"


def read_traffic(page: str) -> Traffic:
    """Requests, those answered with 5xx, and the 95th percentile of recent ones. Raises Transient
    for any other page.
    """
    from prometheus_client.parser import text_string_to_metric_families

    by_code: dict[str, float] = {}
    recent: float | None = None
    ours = False
    try:
        for family in text_string_to_metric_families(page):
            ours = ours or family.name.startswith("modelmedic_")
            for sample in family.samples:
                if sample.name == f"{REQUESTS}_total":
                    by_code[sample.labels.get("code", "")] = by_code.get(sample.labels.get("code", ""), 0.0) + sample.value
                elif sample.name == RECENT_P95:
                    recent = sample.value * 1000
    except ValueError as error:
        raise Transient(f"a predictor's metrics cannot be read: {error}") from error
    if not ours:
        raise Transient("a predictor's metrics do not count its requests; expected counters named modelmedic_…")
    failures = sum(count for code, count in by_code.items() if code.startswith("5"))
    return Traffic(int(sum(by_code.values())), int(failures), recent)
