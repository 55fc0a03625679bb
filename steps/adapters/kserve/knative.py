"""An InferenceService of KServe's Knative mode, read and changed as plain documents.

There is one predictor: changing its model makes a new revision, and `canaryTrafficPercent` is the
new revision's share of the traffic, the rest going to the last revision that had all of it. The
document therefore does not say whom a canary replaces: that is kept beside it, and given to these
functions as `replaces`. None of this was run against Knative; `KServeServing` refuses the mode
until it was.
"""

from collections.abc import Mapping
from typing import Any

from modelmedic.steps.adapters.kserve.document import Document, ServicePredictor, ServiceSpec, read_predictor

PERCENT = "canaryTrafficPercent"


def read_spec(service: Mapping[str, Any], replaces: ServicePredictor | None) -> ServiceSpec:
    """The service as its spec states it: with a percentage and a predictor to replace, the
    predictor is the canary; without either it is the champion.
    """
    generation = int(service["metadata"]["generation"])
    predictor = service["spec"].get("predictor") or {}
    now = read_predictor(predictor)
    if predictor.get(PERCENT) is None or replaces is None or replaces.digest == now.digest:
        return ServiceSpec(generation, now if now.ours else None, None, 0)
    return ServiceSpec(generation, replaces, now, int(predictor[PERCENT]))


def canary(serves: Mapping[str, Any]) -> Document:
    """The change that starts a dark canary: the whole model, and no traffic for its revision."""
    return {"spec": {"predictor": {"model": serves["model"], PERCENT: 0}}}


def share(percent: int) -> Document:
    return {"spec": {"predictor": {PERCENT: percent}}}


def promotion() -> Document:
    """The change that takes the percentage away, so that the latest revision has everything."""
    return {"spec": {"predictor": {PERCENT: None}}}


def withdrawal(champion: Mapping[str, Any]) -> Document:
    """The change back to the champion's model, still without traffic for the newest revision, which
    is the canary's until the champion's new one is ready.

    Only a promotion takes the percentage away.
    """
    return canary(champion)


def percent_seen(service: Mapping[str, Any]) -> int:
    """The latest revision's real share in percent, from Knative's route."""
    component = ((service.get("status") or {}).get("components") or {}).get("predictor") or {}
    return sum(int(each.get("percent") or 0) for each in component.get("traffic") or [] if each.get("latestRevision"))


def settled(service: Mapping[str, Any]) -> bool:
    """True when the newest revision is ready."""
    component = ((service.get("status") or {}).get("components") or {}).get("predictor") or {}
    created = component.get("latestCreatedRevision")
    return bool(created) and created == component.get("latestReadyRevision")
