"""RBAC: one ServiceAccount per step class, with exactly the verbs that its steps use."""

from collections.abc import Iterator
from typing import Any, Final

from modelmedic.steps.contracts.kserve import notes_name
from modelmedic.workflows.argo.hardening import EXECUTOR
from modelmedic.workflows.argo.workflow import ARTIFACT_GC
from modelmedic.workflows.inputs.labels import metadata
from modelmedic.workflows.inputs.model import Model
from modelmedic.workflows.inputs.names import account
from modelmedic.workflows.inputs.platform import Platform

STEP_CLASSES: Final = ("observe", "train", "validate", "deploy", "triage")
Rule = dict[str, list[str]]


def rule(group: str, resource: str, *verbs: str, names: list[str] | None = None) -> Rule:
    only = {"resourceNames": names} if names else {}
    return {"apiGroups": [group], "resources": [resource], **only, "verbs": list(verbs)}


_RULES: Final[dict[str, list[Rule]]] = {
    "triage": [rule("argoproj.io", "workflows", "create")],
    "deploy": [
        rule("argoproj.io", "workflows", "create", "list")
    ],  # reconcile starts a heal whose alert was lost, pinned by the admission policy
    EXECUTOR: [rule("argoproj.io", "workflowtaskresults", "create", "patch")],
    ARTIFACT_GC: [
        rule("argoproj.io", "workflowartifactgctasks", "list", "watch"),
        rule("argoproj.io", "workflowartifactgctasks/status", "patch"),
    ],
}


def accounts(platform: Platform) -> Iterator[dict[str, Any]]:
    """The accounts of all step classes and of Argo's own containers; observe, train and validate
    may do nothing at the API.
    """
    for step_class in (*STEP_CLASSES, EXECUTOR, ARTIFACT_GC):
        name = account(step_class)
        yield service_account(name, platform.namespace, automount=step_class == ARTIFACT_GC)
        if step_class in _RULES:
            yield from role(name, platform.namespace, platform.namespace, name, _RULES[step_class])
    yield _executor_token(platform.namespace)


def model_access(model: Model, platform: Platform) -> Iterator[dict[str, Any]]:
    """The rights of deploying this model, and the one object beside its InferenceService that they
    are for.
    """
    yield from model_role(model, platform)
    yield serving_notes(model)


def model_role(model: Model, platform: Platform) -> Iterator[dict[str, Any]]:
    """The rights of deploying in the model's serving namespace: change this one InferenceService,
    and look at what really runs.

    RBAC cannot name what does not exist yet: the first champion's InferenceService is created under
    a right to create any.
    """
    standard = [
        rule("apps", "deployments", "get"),
        rule("gateway.networking.k8s.io", "httproutes", "get", names=[model.service]),
    ]
    rules = [
        rule("serving.kserve.io", "inferenceservices", "get", "patch", names=[model.service]),
        rule("serving.kserve.io", "inferenceservices", "create"),
        rule("", "configmaps", "get", "patch", names=[notes_name(model.service)]),
        rule("", "pods", "list"),
        *([rule("serving.knative.dev", "revisions", "get")] if model.mode == "Knative" else standard),
    ]
    yield from role(model.deploy_role, model.serving_namespace, platform.namespace, account("deploy"), rules, model)


def serving_notes(model: Model) -> dict[str, Any]:
    """The ConfigMap in which deploying writes beside the InferenceService, for when the object
    store is away; it needs no right to create others.
    """
    described = metadata(notes_name(model.service), model.serving_namespace, "serving", model)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": described}


def service_account(name: str, namespace: str, *, automount: bool = False) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(name, namespace, "access"),
        "automountServiceAccountToken": automount,
    }


def role(
    name: str, namespace: str, subject_namespace: str, subject: str, rules: list[Rule], model: Model | None = None
) -> Iterator[dict[str, Any]]:
    """A Role and the RoleBinding that gives it to one account."""
    api = "rbac.authorization.k8s.io"
    yield {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": metadata(name, namespace, "access", model), "rules": rules}
    yield {
        "apiVersion": f"{api}/v1",
        "kind": "RoleBinding",
        "metadata": metadata(name, namespace, "access", model),
        "roleRef": {"apiGroup": api, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": subject, "namespace": subject_namespace}],
    }


def _executor_token(namespace: str) -> dict[str, Any]:
    """Argo mounts it into its own containers only; Kubernetes fills it."""
    name = account(EXECUTOR)
    described = metadata(f"{name}.service-account-token", namespace, "access")
    described["annotations"] |= {"kubernetes.io/service-account.name": name}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": described, "type": "kubernetes.io/service-account-token"}
