"""The ways by which `modelmedic doctor` asks a service of the platform for JSON: an address that
the user names, the service's own where it is outside of the cluster, else the API server's proxy.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from modelmedic.steps.adapters.http import HttpClient
from modelmedic.steps.adapters.kube.client import Kube
from modelmedic.steps.contracts.errors import NotFound, Refused, Transient
from modelmedic.workflows.inputs.platform import Peer, Platform
from modelmedic.workflows.inputs.reach import peer_of

STORE, REGISTRY, PUSHGATEWAY, PROMETHEUS = "store", "registry", "pushgateway", "prometheus"
NAMES: Final = (STORE, REGISTRY, PUSHGATEWAY, PROMETHEUS)
_NO_WAY: Final = "error trying to reach service"  # the API server's words
Ask = Callable[[str], dict[str, Any]]  # from a path to the JSON object that answers it


def inside(address: str | None) -> Peer | None:
    """The place of an address that only pods can reach; None for one outside of the cluster."""
    place = peer_of(address)
    return place if place is not None and place.cidr is None else None


def to_service(name: str, address: str, named: Mapping[str, str], kube: Kube | None, platform: Platform) -> Ask | None:
    """The way to the service `name`; None for one in a cluster that cannot be reached from here."""
    if name in named or not (place := inside(address)):
        return by_address(name, named.get(name, address))
    if kube is None:
        return None
    scheme, host = urlsplit(address).scheme, str(urlsplit(address).hostname).partition(".")[0]
    path = f"/api/v1/namespaces/{place.namespace or platform.namespace}/services/{scheme}:{host}:{place.port}/proxy"
    return lambda asked: _proxied(kube, f"{path}{asked}")


def to_prometheus(named: Mapping[str, str], kube: Kube | None, platform: Platform) -> Ask | None:
    """The way to Prometheus: one of the pods of `peers.prometheus`.

    Asking raises NotFound where there is none.
    """
    if PROMETHEUS in named:
        return by_address(PROMETHEUS, named[PROMETHEUS])
    place = platform.peers.prometheus
    if kube is None or place.cidr:
        return None
    pods = f"/api/v1/namespaces/{place.namespace or platform.namespace}/pods"
    selector = ",".join(f"{key}={value}" for key, value in sorted(place.labels.items()))

    def ask(path: str) -> dict[str, Any]:
        found = [pod["metadata"]["name"] for pod in kube.listed(pods, selector)]
        if not found:
            raise NotFound(f"no pod is at {pods} with the labels {selector}")
        return _proxied(kube, f"{pods}/{min(found)}:{place.port}/proxy{path}")

    return ask


def _proxied(kube: Kube, path: str) -> dict[str, Any]:
    """Raises Refused where the API server itself does not get through: that says nothing of steps,
    which NetworkPolicies let through.
    """
    try:
        return kube.get(path)
    except Transient as error:
        if _NO_WAY in str(error):
            raise Refused(f"the API server does not get through to it, as where a NetworkPolicy is between ({error})") from error
        raise


def by_address(name: str, address: str) -> Ask:
    def ask(path: str) -> dict[str, Any]:
        with HttpClient(address, name) as client:
            return client.call_json("GET", path)

    return ask


def field(answer: Mapping[str, Any], *path: str) -> Any:
    """The value at a path of an answer. Raises Transient where there is none."""
    found: Any = answer
    for key in path:
        if not isinstance(found, dict) or key not in found:
            raise Transient(f"the answer has no {'.'.join(path)}")
        found = found[key]
    return found
