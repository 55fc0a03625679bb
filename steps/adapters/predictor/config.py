"""The part of a policy that a predictor needs, as one line of JSON: in a cluster it travels with
the InferenceService.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.words import Task

ABOUT = "MODELMEDIC_ABOUT"  # the environment variable with the facts


@dataclass(frozen=True, slots=True)
class About:
    """`model` is the policy's name, under which metrics and the log are kept; requests name the
    InferenceService.
    """

    model: str
    task: Task
    time: str
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    log_prefix: str


def about(policy: Policy) -> About:
    data = policy.data
    return About(policy.name, data.task, data.time, tuple(data.numeric), tuple(data.categorical), policy.log_prefix)


def to_text(facts: About) -> str:
    """The JSON text, the same for the same facts: another one would restart the pods."""
    return json.dumps(asdict(facts), sort_keys=True, separators=(",", ":"))


def from_environment(environment: Mapping[str, str]) -> About | None:
    """The facts of an environment; None where there are none. Raises BadInput for a text that
    `to_text` never wrote.
    """
    text = environment.get(ABOUT, "")
    if not text:
        return None
    try:
        plain: dict[str, Any] = json.loads(text)
        columns = {kind: tuple(str(column) for column in plain.pop(kind)) for kind in ("numeric", "categorical")}
        return About(**{**plain, **columns, "task": Task(plain["task"])})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{ABOUT} is {text[:200]!r}; expected what a deployment of modelmedic writes there ({error})") from error
