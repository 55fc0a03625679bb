"""Two ValidatingAdmissionPolicies: one pins which Workflows the Sensors, triage and reconcile may
create, one lets nobody answer on a Workflow in another's name.

RBAC can only say "may create Workflows", and whoever may do that may use any ServiceAccount of the
namespace. This says which template, with which argument, and that nothing of the template is
overridden.
"""

from collections.abc import Iterator
from typing import Any, Final

from modelmedic.steps.contracts.kserve import ANSWERS
from modelmedic.workflows.argo.note_change import NOTE_CHANGE
from modelmedic.workflows.argo.triage import PAYLOAD, TRIAGE
from modelmedic.workflows.inputs import names
from modelmedic.workflows.inputs.labels import metadata
from modelmedic.workflows.inputs.platform import Platform

NAME: Final = "modelmedic-workflows"
ANSWERED: Final = "modelmedic-answers"
INCIDENT: Final = "^[a-z0-9][a-z0-9-]{6,61}[0-9]$"
_ALLOWED: Final = frozenset({"arguments", "workflowTemplateRef"})
_STARTERS: Final = (TRIAGE, "deploy")  # triage starts a heal for an alert, reconcile one whose alert was lost


def admission(platform: Platform) -> Iterator[dict[str, Any]]:
    """The policies and their bindings to the workflows' namespace; all are of the cluster."""
    yield from _policy(platform, NAME, _creation(platform))
    yield from _policy(platform, ANSWERED, _answers())


def _creation(platform: Platform) -> dict[str, Any]:
    creators = [f"system:serviceaccount:{platform.namespace}:{names.account(part)}" for part in ("sensor", *_STARTERS)]
    created = {"apiGroups": ["argoproj.io"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["workflows"]}
    return {
        "matchConstraints": {"resourceRules": [created]},
        "matchConditions": [{"name": "by-the-loop-itself", "expression": f"request.userInfo.username in {creators}".replace("'", '"')}],
        "validations": list(_validations(creators[0])),
    }


def _answers() -> dict[str, Any]:
    """Whoever writes an answer on a Workflow writes the own name, as the API server knows it; what
    stands there already may stay.
    """
    written = {"apiGroups": ["argoproj.io"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": ["workflows"]}
    notes = "object.metadata.annotations"
    before = "oldObject.metadata.annotations"
    stays = f"oldObject != null && has({before}) && k in {before} && {before}[k] == {notes}[k]"
    return {
        "matchConstraints": {"resourceRules": [written]},
        "matchConditions": [{"name": "answered", "expression": f'has({notes}) && {notes}.exists(k, k.startsWith("{ANSWERS}"))'}],
        "validations": [
            _rule(
                f'{notes}.all(k, !k.startsWith("{ANSWERS}") || {notes}[k] == request.userInfo.username || ({stays}))',
                "an answer is given in the own name alone",
            )
        ],
    }


def _policy(platform: Platform, name: str, spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    api = "admissionregistration.k8s.io/v1"
    place = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": platform.namespace}}}
    described = metadata(f"{name}-{platform.namespace}", None, "admission")
    yield {"apiVersion": api, "kind": "ValidatingAdmissionPolicy", "metadata": described, "spec": {"failurePolicy": "Fail", **spec}}
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
