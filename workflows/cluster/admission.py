"""A ValidatingAdmissionPolicy that pins which Workflows the Sensors, triage and reconcile may
create.

RBAC can only say "may create Workflows", and whoever may do that may use any ServiceAccount of the
namespace. This says which template, with which argument, and that nothing of the template is
overridden.
"""

from collections.abc import Iterator
from typing import Any, Final

from modelmedic.workflows.argo.note_change import NOTE_CHANGE
from modelmedic.workflows.argo.triage import PAYLOAD, TRIAGE
from modelmedic.workflows.inputs import names
from modelmedic.workflows.inputs.labels import metadata
from modelmedic.workflows.inputs.platform import Platform

NAME: Final = "modelmedic-workflows"
INCIDENT: Final = "^[a-z0-9][a-z0-9-]{6,61}[0-9]$"
_ALLOWED: Final = frozenset({"arguments", "workflowTemplateRef"})
_STARTERS: Final = (TRIAGE, "deploy")  # triage starts a heal for an alert, reconcile one whose alert was lost


def admission(platform: Platform) -> Iterator[dict[str, Any]]:
    """The policy and its binding to the workflows' namespace; both are of the cluster."""
    api = "admissionregistration.k8s.io/v1"
    creators = [f"system:serviceaccount:{platform.namespace}:{names.account(part)}" for part in ("sensor", *_STARTERS)]
    place = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": platform.namespace}}}
    created = {"apiGroups": ["argoproj.io"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["workflows"]}
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [created]},
        "matchConditions": [{"name": "by-the-loop-itself", "expression": f"request.userInfo.username in {creators}".replace("'", '"')}],
        "validations": list(_validations(creators[0])),
    }
    described = metadata(f"{NAME}-{platform.namespace}", None, "admission")
    yield {"apiVersion": api, "kind": "ValidatingAdmissionPolicy", "metadata": described, "spec": spec}
    binding = {"policyName": described["name"], "validationActions": ["Deny"], "matchResources": place}
    yield {"apiVersion": api, "kind": "ValidatingAdmissionPolicyBinding", "metadata": described, "spec": binding}


def _validations(sensor: str) -> Iterator[dict[str, str]]:
    by_sensor = f'request.userInfo.username != "{sensor}" || '
    by_starter = f'request.userInfo.username == "{sensor}" || '
    template = "object.spec.workflowTemplateRef"
    yield _rule("has(object.spec.workflowTemplateRef) && has(object.spec.arguments)", "a template and its arguments, nothing inline")
    yield _rule(
        " && ".join(f"!has(object.spec.{field})" for field in _overrides()),
        "no field of the template may be overridden",
    )
    yield _rule("!has(object.status)", "no status, in which a stored template could hide")
    yield _rule(f"!has({template}.clusterScope) || !{template}.clusterScope", "a template of this namespace")
    yield _rule(f'{by_sensor}{template}.name in ["{TRIAGE}", "{NOTE_CHANGE}"]', "Sensors may start triage and note-change alone")
    yield _rule(
        f"{by_sensor}!has(object.spec.arguments.parameters) && has(object.spec.arguments.artifacts) && "
        f'object.spec.arguments.artifacts.all(a, a.name == "{PAYLOAD}" && has(a.raw)) && object.spec.arguments.artifacts.size() == 1',
        "Sensors may pass the payload alone",
    )
    yield _rule(f'{by_starter}{template}.name.startsWith("heal-")', "triage and reconcile may start heals alone")
    yield _rule(
        f"{by_starter}!has(object.spec.arguments.artifacts) && has(object.spec.arguments.parameters) && "
        f'object.spec.arguments.parameters.all(p, p.name == "incident" && has(p.value) && p.value.matches("{INCIDENT}")) && '
        "object.spec.arguments.parameters.size() == 1",
        "triage and reconcile may pass one incident's id alone",
    )


def _rule(expression: str, sentence: str) -> dict[str, str]:
    return {"expression": expression, "message": f"modelmedic: {sentence}"}


def _overrides() -> list[str]:
    """Every field of a Workflow's spec that is not allowed, as Hera's model lists them."""
    from hera.workflows.models import WorkflowSpec

    return sorted({field.alias or name for name, field in WorkflowSpec.model_fields.items()} - _ALLOWED)
