"""The in-process walk of the stage table, for one incident at a time; it goes on where an earlier
run stopped. In a cluster Argo walks the same table.

Stages run one after the other, so that their records have one order; work that can run beside other
stages is begun as early as Argo would start it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from modelmedic.steps.approval.requests import approve
from modelmedic.steps.contracts.errors import ModelmedicError, StoreError, Transient
from modelmedic.steps.contracts.heal_stages import HEAL
from modelmedic.steps.contracts.stage import Kind, Stage
from modelmedic.steps.heal.results import note_results
from modelmedic.steps.heal.steps import begin, call
from modelmedic.steps.rollout.left_open import end_left_open
from modelmedic.steps.rollout.repair import disagreements, repair
from modelmedic.steps.runtime.run import Outputs, Run

Call = Callable[[str, Run, Mapping[str, str]], Outputs]  # runs the step of that name
Begin = Callable[[str, Run], None]  # starts what of that step can be done beside others
Ask = Callable[[Run, str], None]  # gives a person the chance to answer an approval on the spot


@dataclass(frozen=True, slots=True)
class Walk:
    """The end of a walk: a closed incident with its outcome, or an approval that waits for an
    answer.
    """

    outcome: str | None
    waiting_at: str | None = None


def _nobody(_run: Run, _stage: str) -> None:
    return


def heal(run: Run, *, ask: Ask = _nobody, step: Call = call, begin: Begin = begin, table: tuple[Stage, ...] = HEAL) -> Walk:
    """Walk the table to its end, without running again a stage whose result is in the ledger.

    Raises Transient or StoreError when the same call may go through later, as when another process
    of this machine heals the incident: it stays open and the next call goes on. Any other error is
    repaired as far as possible and closes the incident as escalated; a bug is raised again after
    that.
    """
    with run.alone("healed"):
        return _walk(run, ask, step, begin, table)


def _walk(run: Run, ask: Ask, step: Call, begin: Begin, table: tuple[Stage, ...]) -> Walk:
    note_results(run)
    done: dict[str, Outputs] = {}
    for stage in table:
        if stage.kind is Kind.EXIT or not _starts(stage, done):
            continue
        try:
            outputs = run.outputs(stage.name) or _fresh(run, stage, done, ask, step)
        except (Transient, StoreError):
            raise
        except ModelmedicError as error:
            return _break_off(run, step, f"{stage.name}: {error}")
        except Exception as bug:
            _break_off(run, step, f"{stage.name} has a bug ({type(bug).__name__}: {bug})")
            raise
        if outputs is None:
            return Walk(None, waiting_at=stage.name)
        done[stage.name] = outputs
        for follower in _alongside(run, stage, table):
            begin(follower.step, run)
    return _closed(run, step, {})


def _alongside(run: Run, finished: Stage, table: tuple[Stage, ...]) -> list[Stage]:
    """The stages that follow this one alone, whatever its outputs, and have no result yet."""
    return [stage for stage in table if stage.after == (finished.name,) and not stage.when and run.outputs(stage.name) is None]


def _fresh(run: Run, stage: Stage, done: Mapping[str, Outputs], ask: Ask, step: Call) -> Outputs | None:
    """The outputs of the stage, run now; None while an approval waits."""
    run.site.say(f"{stage.name}: {stage.title.lower()}")
    if stage.kind is not Kind.APPROVAL:
        return step(stage.step, run, {wanted.name: done[wanted.stage][wanted.output] for wanted in stage.inputs})
    if (outputs := approve(run, stage.name)) is None:
        ask(run, stage.name)
        outputs = approve(run, stage.name)
    return outputs


def _starts(stage: Stage, done: Mapping[str, Outputs]) -> bool:
    """True when the stage starts, as Argo decides it: a skipped stage has empty outputs, and only
    `after_or_skipped` follows it.
    """
    if any(name not in done for name in stage.after):
        return False
    return all(done.get(condition.stage, {}).get(condition.output, "") in condition.values for condition in stage.when)


def _break_off(run: Run, step: Call, error: str) -> Walk:
    try:
        repair(run.site)
        disagreements(run.site, healing=False)
    except ModelmedicError as worse:  # the incident is closed all the same; the next reconcile repairs what this could not
        error = f"{error}; and it could not be repaired: {worse}"
    return _closed(run, step, {"error": error})


def _closed(run: Run, step: Call, inputs: Mapping[str, str]) -> Walk:
    outcome = step("close", run, inputs)["outcome"]
    end_left_open(run.site, run.site.trail.later(run.incident.opened_at))
    return Walk(outcome)
