"""Policies as immutable ConfigMaps named by their hash: a new render never changes the rules of a
running heal.
"""

from collections.abc import Sequence
from typing import Any

from modelmedic.steps.contracts.codec import canonical, sha256
from modelmedic.steps.contracts.policy import Policy
from modelmedic.workflows.inputs.labels import metadata
from modelmedic.workflows.inputs.model import Model
from modelmedic.workflows.inputs.names import HASH
from modelmedic.workflows.inputs.platform import Platform

KEY = "policy.yaml"
INDEX_KEY = "policies.json"


def policy_map(model: Model, platform: Platform, text: str) -> dict[str, Any]:
    """`text` is the policy with its defaults, the same for one hash in every version of the
    program, because what is immutable cannot be applied with another text.
    """
    return _immutable(model.policy_map, platform.namespace, {KEY: text}, model)


def index_map(models: Sequence[Model], platform: Platform) -> dict[str, Any]:
    """The index by which triage and reconcile know all models: the policy's hash, the template that
    heals, where it serves.
    """
    index = {
        model.name: {"policy": model.hash, "heal": model.heal, "service": model.service, "namespace": model.serving_namespace}
        for model in models
    }
    text = canonical(index).decode()
    return _immutable(f"policies-{sha256(text.encode())[:HASH]}", platform.namespace, {INDEX_KEY: text})


def policy_text(policy: Policy) -> str:
    from modelmedic.steps.adapters.policy.text import yaml_text

    return yaml_text(policy.lasting)


def _immutable(name: str, namespace: str, data: dict[str, str], model: Model | None = None) -> dict[str, Any]:
    described = metadata(name, namespace, "policy", model)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": described, "immutable": True, "data": data}
