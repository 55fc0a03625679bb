"""An InferenceService of KServe's Knative mode, read and changed as plain documents.

There is one predictor: changing its model makes a new revision, and `canaryTrafficPercent` is what
that one gets of the traffic, the rest going to the last revision that had all of it. So whose place
a canary wants to take is not in the document: it is remembered beside it, and given to these
functions as `replaces`. None of this was run against Knative; `KServeServing` refuses the mode
until it was.
"""

from collections.abc import Mapping
from typing import Any

from modelmedic.steps.adapters.kserve.document import Document, ServicePredictor, ServiceSpec, slot

PERCENT = "canaryTrafficPercent"


def wanted(service: Mapping[str, Any], replaces: ServicePredictor | None) -> ServiceSpec:
    """With a percentage and somebody to replace, the predictor is the canary; without either it is
    the champion.
    """
    generation = int(service["metadata"]["generation"])
    predictor = service["spec"].get("predictor") or {}
    now = slot(predictor)
    if predictor.get(PERCENT) is None or replaces is None or replaces.digest == now.digest:
        return ServiceSpec(generation, now if now.ours else None, None, 0)
    return ServiceSpec(generation, replaces, now, int(predictor[PERCENT]))


def canary(serves: Mapping[str, Any]) -> Document:
    """The change that starts a dark canary: the whole model, and no traffic for its revision."""
    return {"spec": {"predictor": {"model": serves["model"], PERCENT: 0}}}


def share(percent: int) -> Document:
    return {"spec": {"predictor": {PERCENT: percent}}}


def promotion() -> Document:
    """Without a percentage the latest revision has everything."""
    return {"spec": {"predictor": {PERCENT: None}}}


def withdrawal(champion: Mapping[str, Any]) -> Document:
    """The champion's model again, and still no traffic for the newest revision, the canary's until
    the champion's new one is ready.

    Only a promotion takes the percentage away.
    """
    return canary(champion)


def percent_seen(service: Mapping[str, Any]) -> int:
    """What the latest revision really gets, as Knative's route says."""
    component = ((service.get("status") or {}).get("components") or {}).get("predictor") or {}
    return sum(int(each.get("percent") or 0) for each in component.get("traffic") or [] if each.get("latestRevision"))


def settled(service: Mapping[str, Any]) -> bool:
    """Whether the newest revision is ready."""
    component = ((service.get("status") or {}).get("components") or {}).get("predictor") or {}
    created = component.get("latestCreatedRevision")
    return bool(created) and created == component.get("latestReadyRevision")
