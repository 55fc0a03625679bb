"""NetworkPolicies: the namespace is closed, no opening is for everybody, and every pod of ours has
an opening to work through.
"""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any, Final

from modelmedic.workflows.inputs.platform import Peer
from modelmedic.workflows.inputs.reach import peer_of
from modelmedic.workflows.lint.findings import CheckResult, Finding, result
from modelmedic.workflows.lint.objects import Objects, Thing
from modelmedic.workflows.lint.pods import pods

_OPENINGS: Final = {  # which NetworkPolicy leads to the address in a variable of the steps
    "AWS_ENDPOINT_URL": "modelmedic-steps-to-store",
    "MLFLOW_TRACKING_URI": "modelmedic-steps-to-registry",
    "MODELMEDIC_PUSHGATEWAY": "modelmedic-observe-to-pushgateway",
    "MODELMEDIC_ALERTMANAGER": "modelmedic-steps-to-alertmanager",
    "MODELMEDIC_PROMETHEUS": "modelmedic-deploy-to-prometheus",
    "MODELMEDIC_EVENTS_SINK": "modelmedic-recording-to-events",
    "MODELMEDIC_OTLP": "modelmedic-closing-to-otlp",
    "MODELMEDIC_OPENLINEAGE": "modelmedic-closing-to-openlineage",
}


def network(objects: Objects) -> CheckResult:
    policies = objects.of("NetworkPolicy")
    findings: list[Finding] = [finding for policy in policies for finding in _openings(policy)]
    closed = {policy.namespace for policy in policies if _closes(policy)}
    for pod in pods(objects):
        if pod.thing.within or pod.thing.kind == "ServingRuntime":
            continue
        here = [policy for policy in policies if policy.namespace == pod.thing.namespace]
        if pod.thing.namespace not in closed:
            findings.append(pod.finding(f"is in the namespace {pod.thing.namespace or 'default'}, which no NetworkPolicy closes"))
        elif not any(_selects(policy, pod.labels) for policy in here):
            findings.append(pod.finding("is chosen by no NetworkPolicy but the closing one: it could talk to nobody"))
        elif _asks(pod.labels) and not any(policy.spec.get("egress") and _selects(policy, pod.labels) for policy in here):
            findings.append(pod.finding("may be asked and may ask nobody; expected a NetworkPolicy with egress for it"))
    findings += _unreachable(objects, policies)
    return result("network", policies, findings)


def _unreachable(objects: Objects, policies: Sequence[Thing]) -> Iterator[Finding]:
    """Addresses that steps are told and that no opening leads to."""
    openings = {policy.name: policy for policy in policies}
    for told in objects.of("ConfigMap"):
        for variable, opening in _OPENINGS.items():
            address = (told.document.get("data") or {}).get(variable) if told.name == "modelmedic" else None
            policy = openings.get(opening)
            if not address or not str(address).startswith("http"):
                continue
            if policy is None:
                yield told.finding(f"names {address} ({variable}), and no NetworkPolicy {opening} leads there")
                continue
            if not any(_leads(rule, peer_of(address), policy.namespace) for rule in policy.spec.get("egress") or []):
                yield policy.finding(f"does not lead to {address} ({variable}); name its place in the platform file's peers")


def _leads(rule: Mapping[str, Any], where: Peer | None, ours: str) -> bool:
    """True for a rule that names addresses, where the service is outside of the cluster, or pods of
    the service's namespace. Its port is the pod's, which may differ from the address's.
    """
    for each in rule.get("to") or []:
        block = (each.get("ipBlock") or {}).get("cidr")
        if where is None or where.cidr:
            if block and (where is None or ip_address(str(where.cidr).partition("/")[0]) in ip_network(block)):
                return True
        elif block is None:
            named = ((each.get("namespaceSelector") or {}).get("matchLabels") or {}).get("kubernetes.io/metadata.name")
            if (named or ours) == (where.namespace or ours):
                return True
        else:
            return True  # a Service in front of addresses
    return False


def _asks(labels: Mapping[str, str]) -> bool:
    """Steps and what belongs to Argo Events work by asking others; a server beside them may do
    without.
    """
    return "modelmedic.io/step-class" in labels or "modelmedic.io/events" in labels


def _closes(policy: Thing) -> bool:
    spec = policy.spec
    both = set(spec.get("policyTypes") or []) == {"Ingress", "Egress"}
    return both and spec.get("podSelector") == {} and not spec.get("ingress") and not spec.get("egress")


def _openings(policy: Thing) -> Iterator[Finding]:
    for direction, far in (("ingress", "from"), ("egress", "to")):
        for rule in policy.spec.get(direction) or []:
            if not rule.get(far):
                yield policy.finding(f"opens {direction} for everybody; expected {far} with peers")
            if not rule.get("ports"):
                yield policy.finding(f"opens every port of {direction}; expected ports")
            for peer in rule.get(far) or []:
                if peer == {} or peer.get("podSelector") == {}:
                    yield policy.finding(f"opens {direction} for every pod; expected labels")


def _selects(policy: Thing, labels: Mapping[str, str]) -> bool:
    """True for a policy that opens something to pods with these labels; one that is for all pods
    does not count.
    """
    selector: Mapping[str, Any] = policy.spec.get("podSelector") or {}
    if not selector or not (policy.spec.get("ingress") or policy.spec.get("egress")):
        return False
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_meets(rule, labels) for rule in selector.get("matchExpressions") or [])


def _meets(rule: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key = rule.get("key", "")
    if rule.get("operator") == "In":
        return labels.get(key) in (rule.get("values") or [])
    return key in labels if rule.get("operator") == "Exists" else False
