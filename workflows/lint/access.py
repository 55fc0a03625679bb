"""RBAC: who may do what, closed. Every right is on the list below, every account has a binding or
none, every binding a role.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from modelmedic.workflows.lint.findings import CheckResult, Finding, result
from modelmedic.workflows.lint.objects import Objects, Thing
from modelmedic.workflows.lint.pods import pods

Right = tuple[str, str, str]  # group, resource, verb

_NAMED: Final = frozenset({"inferenceservices", "configmaps", "services", "httproutes"})  # only with resourceNames, except to create
_RIGHTS: Final[dict[str, frozenset[Right]]] = {
    "modelmedic-executor": frozenset({("argoproj.io", "workflowtaskresults", verb) for verb in ("create", "patch")}),
    "modelmedic-artifact-gc": frozenset(
        {
            ("argoproj.io", "workflowartifactgctasks", "list"),
            ("argoproj.io", "workflowartifactgctasks", "watch"),
            ("argoproj.io", "workflowartifactgctasks/status", "patch"),
        }
    ),
    "modelmedic-sensor": frozenset({("argoproj.io", "workflows", "create")}),
    "modelmedic-triage": frozenset({("argoproj.io", "workflows", "create")}),
    "modelmedic-deploy": frozenset(
        {
            ("argoproj.io", "workflows", "create"),
            ("argoproj.io", "workflows", "list"),
            ("serving.kserve.io", "inferenceservices", "get"),
            ("serving.kserve.io", "inferenceservices", "patch"),
            ("serving.kserve.io", "inferenceservices", "create"),
            ("", "configmaps", "get"),
            ("", "configmaps", "patch"),
            ("", "pods", "list"),
            ("apps", "deployments", "get"),
            ("gateway.networking.k8s.io", "httproutes", "get"),
            ("serving.knative.dev", "revisions", "get"),
        }
    ),
}
_CLUSTER: Final = ("ClusterRole", "ClusterRoleBinding")


def access(objects: Objects) -> CheckResult:
    seen = objects.of("Role", "RoleBinding", "ServiceAccount", *_CLUSTER)
    findings = [thing.finding("is of the whole cluster; expected a Role of one namespace") for thing in objects.of(*_CLUSTER)]
    roles = {(thing.namespace, thing.name): thing for thing in objects.of("Role")}
    accounts = {(thing.namespace, thing.name) for thing in objects.of("ServiceAccount")}
    for thing in roles.values():
        findings += (thing.finding(sentence) for sentence in _role(thing))
    bound: set[tuple[str, str]] = set()
    for binding in objects.of("RoleBinding"):
        findings += _binding(binding, roles, accounts)
        bound.add((binding.namespace, _role_name(binding)))
    findings += (role.finding("is bound to nobody") for place, role in roles.items() if place not in bound)
    findings += _accounts_of_pods(objects, accounts)
    return result("access", seen, findings)


def admission(objects: Objects) -> CheckResult:
    """Whoever may create Workflows is held to a template and an account by an admission policy that
    denies.
    """
    creators = [role for role in objects.of("Role") if any("create" in verbs and kind == "workflows" for _, kind, verbs in _grants(role))]
    bindings = objects.of("ValidatingAdmissionPolicyBinding")
    policies = {policy.name: policy for policy in objects.of("ValidatingAdmissionPolicy")}
    seen = [*creators, *bindings, *policies.values()]
    findings: list[Finding] = []
    denying = {str(binding.spec.get("policyName")) for binding in bindings if "Deny" in (binding.spec.get("validationActions") or [])}
    for policy in policies.values():
        if policy.name not in denying:
            findings.append(policy.finding("is bound by nothing that denies"))
        if policy.spec.get("failurePolicy") != "Fail":
            findings.append(policy.finding("lets through what it cannot judge; expected failurePolicy: Fail"))
    text = " ".join(str(policy.spec) for policy in policies.values() if policy.name in denying)
    for role in creators:
        for subject in _subjects(objects, role):
            who = f"system:serviceaccount:{subject.get('namespace')}:{subject.get('name')}"
            if who not in text:
                findings.append(role.finding(f"lets {who} create any Workflow under any account; expected an admission policy for it"))
    return result("admission", seen, findings)


def _role(role: Thing) -> Iterator[str]:
    for rule in role.document.get("rules") or []:
        groups, kinds, verbs = (rule.get(field) or [] for field in ("apiGroups", "resources", "verbs"))
        if "*" in (*groups, *kinds, *verbs):
            yield f"has a wildcard in {dict(rule)}; expected each group, resource and verb by name"
        for kind in kinds:
            if kind in _NAMED and not rule.get("resourceNames") and verbs != ["create"]:
                yield f"reaches every object of {kind}; expected resourceNames"


def _binding(binding: Thing, roles: Mapping[tuple[str, str], Thing], accounts: set[tuple[str, str]]) -> Iterator[Finding]:
    role = roles.get((binding.namespace, _role_name(binding)))
    if role is None or (binding.document.get("roleRef") or {}).get("kind") != "Role":
        yield binding.finding(f"gives the role {_role_name(binding)}, which is not here")
        return
    for subject in binding.document.get("subjects") or []:
        name = str(subject.get("name"))
        if (str(subject.get("namespace")), name) not in accounts or subject.get("kind") != "ServiceAccount":
            yield binding.finding(f"is for {subject.get('kind')} {name}, which is not here")
        for right in sorted(_rights(role) - _RIGHTS.get(name, frozenset())):
            yield binding.finding(f"gives {name} the right to {right[2]} {right[1]}.{right[0]}, which is not on the list of what it needs")


def _accounts_of_pods(objects: Objects, accounts: set[tuple[str, str]]) -> Iterator[Finding]:
    for pod in pods(objects):
        if pod.thing.within or pod.thing.kind in ("ServingRuntime", "EventBus"):
            continue
        name = pod.spec.get("serviceAccountName")
        if not name:
            yield pod.finding("runs under the namespace's default account; expected one of its own")
        elif (pod.thing.namespace, name) not in accounts:
            yield pod.finding(f"runs under {name}, which is not here")


def _rights(role: Thing) -> set[Right]:
    return {(group, kind, verb) for group, kind, verbs in _grants(role) for verb in verbs}


def _grants(role: Thing) -> Iterable[tuple[str, str, list[str]]]:
    for rule in role.document.get("rules") or []:
        for group in rule.get("apiGroups") or []:
            for kind in rule.get("resources") or []:
                yield group, kind, rule.get("verbs") or []


def _subjects(objects: Objects, role: Thing) -> list[Mapping[str, Any]]:
    return [
        subject
        for binding in objects.of("RoleBinding")
        if binding.namespace == role.namespace and _role_name(binding) == role.name
        for subject in binding.document.get("subjects") or []
    ]


def _role_name(binding: Thing) -> str:
    return str((binding.document.get("roleRef") or {}).get("name"))
