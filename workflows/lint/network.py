"""NetworkPolicies: the namespace is closed, no opening is for everybody, and every pod of ours has
an opening to work through.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from modelmedic.workflows.lint.findings import CheckResult, Finding, result
from modelmedic.workflows.lint.objects import Objects, Thing
from modelmedic.workflows.lint.pods import pods


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
    return result("network", policies, findings)


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
