"""From a stage's step to the function that does it: `modelmedic.steps.<step>.<step>`, imported when
it is called.
"""

import importlib
from collections.abc import Callable, Mapping
from typing import cast

from modelmedic.steps.approval.pending import request_approval
from modelmedic.steps.contracts.errors import BadInput, Refused
from modelmedic.steps.contracts.heal_stages import HEAL
from modelmedic.steps.contracts.stage import Kind
from modelmedic.steps.runtime.run import Outputs, Run

CLOSE = "close"
STEPS = tuple(dict.fromkeys(stage.step for stage in HEAL if stage.kind is not Kind.APPROVAL))


def begin(step: str, run: Run) -> None:
    """Start what of the step can be done beside others; most have nothing of the kind. Never raises
    for what the data are.
    """
    function = getattr(importlib.import_module(f"modelmedic.steps.heal.{step}"), "begin", None)
    if function is not None:
        function(run)


def call(step: str, run: Run, inputs: Mapping[str, str]) -> Outputs:
    """What the step answers; an approval that follows it is asked for.

    Raises BadInput for a step that the table does not have, or for an empty input, and Refused for
    a step that a closed incident never took: a workflow that is submitted again changes nothing. A
    stage that was skipped has empty outputs: an empty input means that the engine followed a stage
    that never ran.
    """
    if step not in STEPS:
        raise BadInput(f"step is {step!r}; expected one of {', '.join(STEPS)}")
    empty = [name for name, value in inputs.items() if not value]
    if empty:
        raise BadInput(f"step {step} got an empty {empty[0]}; expected the output of a stage that ran")
    if step != CLOSE and run.outputs(step) is None and run.site.ledger.closing(run.incident) is not None:
        raise Refused(f"step {step} was not run: incident {run.incident.id} is closed, and what it was about is over")
    function = cast(Callable[..., Outputs], getattr(importlib.import_module(f"modelmedic.steps.heal.{step}"), step))
    outputs = function(run, **inputs)
    request_approval(run)
    return outputs
