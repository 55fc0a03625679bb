"""The dispatch of a heal's steps: `begin` and `call` import `modelmedic.steps.heal.<step>` when
they need it; called by the engine and by the step's command line.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import cast

from modelmedic.steps.approval.pending import request_approval
from modelmedic.steps.contracts.errors import BadInput, Refused
from modelmedic.steps.contracts.heal_stages import HEAL
from modelmedic.steps.contracts.stage import Kind
from modelmedic.steps.reporting.publish import publish_if_possible
from modelmedic.steps.runtime.run import Outputs, Run

CLOSE = "close"
STEPS = tuple(dict.fromkeys(stage.step for stage in HEAL if stage.kind is not Kind.APPROVAL))


def begin(step: str, run: Run) -> None:
    """Start the part of the step that can run beside other stages, where the step has one. Never
    raises because of the data.
    """
    function = getattr(importlib.import_module(f"modelmedic.steps.heal.{step}"), "begin", None)
    if function is not None:
        function(run)


def call_alone(step: str, run: Run, inputs: Mapping[str, str]) -> Outputs:
    """Run one step by itself, as a pod or a person does. Raises Transient when another process of
    this machine heals the incident, and what `call` raises.
    """
    with run.alone(f"healed ({step})"):
        return call(step, run, inputs)


def call(step: str, run: Run, inputs: Mapping[str, str]) -> Outputs:
    """Run the step, request the approval that follows it, with the incident's page for whoever is
    asked, and return the step's outputs.

    Raises BadInput for a step that is not in the table and for an empty input, which comes of a
    stage that was skipped. Raises Refused for a step that a closed incident never ran: a workflow
    that is submitted again changes nothing.
    """
    if step not in STEPS:
        raise BadInput(f"step is {step!r}; expected one of {', '.join(STEPS)}")
    empty = [name for name, value in inputs.items() if not value]
    if empty:
        raise BadInput(f"step {step} got an empty {empty[0]}; expected the output of a stage that ran")
    if step != CLOSE and run.outputs(step) is None and run.site.ledger.closing(run.incident) is not None:
        raise Refused(f"step {step} was not run: incident {run.incident.id} is closed")
    function = cast(Callable[..., Outputs], getattr(importlib.import_module(f"modelmedic.steps.heal.{step}"), step))
    _refuse_other_inputs(step, function, inputs)
    outputs = function(run, **inputs)
    if request_approval(run):
        publish_if_possible(run.site, run.incident)
    return outputs


def _refuse_other_inputs(step: str, function: Callable[..., Outputs], inputs: Mapping[str, str]) -> None:
    """Raises BadInput unless the inputs are those that the step's function takes."""
    _, *takes = inspect.signature(function).parameters.values()
    needed = [each.name for each in takes if each.default is each.empty]
    wrong = [f"lacks {name}" for name in needed if name not in inputs]
    wrong += [f"got {name[:80]!r}" for name in inputs if name not in {each.name for each in takes}]
    if wrong:
        expected = ", ".join(f"--{each.name.replace('_', '-')}=…" for each in takes) or "no input"
        raise BadInput(f"step {step} {wrong[0]}; expected {expected}")
