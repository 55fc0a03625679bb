"""Names of generated objects: made of the policy's name, inside the limits of the objects that
carry the name.
"""

from typing import Final

from modelmedic.steps.contracts.codec import sha256

PREFIX: Final = "modelmedic"
GENERATOR: Final = "modelmedic"
LONGEST_CRON: Final = 52  # Argo adds eleven characters to a CronWorkflow's name, and a label ends at 63
HASH: Final = 12  # hex digits of a hash in a name


def fitted(prefix: str, name: str, longest: int = 63) -> str:
    """`<prefix>-<name>`; a name that is too long is cut and gets eight hex digits of its hash, so
    that no two meet.
    """
    whole = f"{prefix}-{name}"
    if len(whole) <= longest:
        return whole
    return f"{prefix}-{name[: longest - len(prefix) - 10].rstrip('-')}-{sha256(name.encode())[:8]}"


def account(step_class: str) -> str:
    """The ServiceAccount of a step class."""
    return f"{PREFIX}-{step_class}"


def heal(model: str) -> str:
    return fitted("heal", model)


def bootstrap(model: str) -> str:
    return fitted("bootstrap", model)


def monitor(model: str) -> str:
    return fitted("monitor", model, LONGEST_CRON)


def policy_map(model: str, digest: str) -> str:
    """A ConfigMap's name; ConfigMaps may have 253 characters."""
    return f"policy-{model}-{digest[:HASH]}"
