"""The documents of one model built without a text template: the measure of what `render`
fills in.
"""

from typing import Any

from modelmedic.steps.contracts.policy import Policy
from modelmedic.workflows.cluster.policies import policy_map, policy_text
from modelmedic.workflows.inputs.model import model_of
from modelmedic.workflows.inputs.platform import Platform
from modelmedic.workflows.render.render import MODEL_FILES


def model_documents(policy: Policy, platform: Platform) -> dict[str, list[dict[str, Any]]]:
    """By file name."""
    model = model_of(policy, platform)
    built = {name: list(build(model, platform)) for name, build in MODEL_FILES.items()}
    return {**built, "policy.yaml": [policy_map(model, platform, policy_text(policy))]}
