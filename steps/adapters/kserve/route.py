"""The HTTPRoute that KServe writes for an InferenceService: the only proof of a share, and of its
acceptance by the gateway.
"""

from dataclasses import dataclass
from typing import Any

from modelmedic.steps.adapters.kube.client import Document, Kube
from modelmedic.steps.contracts.errors import NotFound


@dataclass(frozen=True, slots=True)
class Route:
    """The shares of an InferenceService. `weights` are percents by Service, the least one where two
    rules differ.
    """

    weights: dict[str, int]
    settled: bool  # the gateway has accepted this very route

    def share(self, service: str) -> int:
        return self.weights.get(service, 0)

    def only(self, service: str) -> bool:
        return self.settled and self.share(service) == 100


def read_route(kube: Kube, namespace: str, service: str) -> Route | None:
    """The route of a service; None where no Gateway API gateway serves: there shares are a matter
    of replicas and cannot be proved.
    """
    try:
        found = kube.get(f"/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/httproutes/{service}")
    except NotFound:
        return None
    rules = [_percents(rule) for rule in found["spec"].get("rules") or [] if rule.get("backendRefs")]
    names = {name for rule in rules for name in rule}
    return Route({name: min(rule.get(name, 0) for rule in rules) for name in names}, _settled(found))


def _percents(rule: Document) -> dict[str, int]:
    """Percents of one rule. A backend without a weight has the weight 1."""
    weights = [(str(each["name"]), int(each.get("weight", 1))) for each in rule["backendRefs"]]
    total = sum(weight for _, weight in weights)
    return {name: round(100 * weight / total) if total else 0 for name, weight in weights}


def _settled(route: Document) -> bool:
    generation = int(route["metadata"].get("generation") or 0)
    parents: list[dict[str, Any]] = (route.get("status") or {}).get("parents") or []
    accepted = [_condition(parent, "Accepted") for parent in parents]
    return bool(accepted) and all(
        each is not None and each["status"] == "True" and int(each.get("observedGeneration") or 0) >= generation for each in accepted
    )


def _condition(parent: dict[str, Any], kind: str) -> dict[str, Any] | None:
    return next((each for each in parent.get("conditions") or [] if each["type"] == kind), None)
