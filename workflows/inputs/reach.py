"""The places of the services as NetworkPolicies name them: those of `peers`, and where the platform
file says a service's address and no peer, the place that the address names.
"""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from modelmedic.workflows.inputs.platform import Peer, Peers, Platform

_ADDRESSES: Final = {
    "store": "storeEndpoint",
    "registry": "registry",
    "pushgateway": "pushgateway",
    "alertmanager": "alertmanager",
    "prometheus": "prometheus",
    "events": "events",
    "otlp": "otlp",
    "openlineage": "openlineage",
}
_NAME: Final = "app.kubernetes.io/name"
_CLUSTER: Final = ("svc", "cluster", "local")


def reached(platform: Platform) -> Peers:
    """The peers of the platform, each that nobody named taken from its service's address."""
    stated = platform.peers.model_fields_set
    changed = {
        name: found
        for name, field in _ADDRESSES.items()
        if name not in stated and field in platform.services.model_fields_set
        if (found := peer_of(getattr(platform.services, field))) is not None
    }
    return platform.peers.model_copy(update=changed)


def peer_of(address: object) -> Peer | None:
    """The place that an address names: pods `<name>` of a namespace, or an IP address. None for a
    name outside of the cluster, which no NetworkPolicy can hold.
    """
    parts = urlsplit(str(address or ""))
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        literal = ip_address(host)
    except ValueError:
        name, _, rest = host.partition(".")
        namespace, *domain = rest.split(".") if rest else [None]
        inside = name and tuple(domain) == _CLUSTER[: len(domain)]
        return Peer(namespace=namespace, labels={_NAME: name}, port=port) if inside else None
    return Peer(cidr=f"{literal}/{literal.max_prefixlen}", port=port)
