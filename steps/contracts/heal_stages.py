"""The stage table of a heal: its order, conditions, inputs and outputs, written once.

`modelmedic.steps.heal.engine` walks it in process; `workflows` renders it to an Argo DAG. A step's
result in the ledger is richer than its outputs; the outputs are only what later stages are chosen
by. Every stage is told the incident's id.
"""

from typing import Final

from modelmedic.steps.contracts.stage import Account, Condition, Image, Input, Kind, Output, Stage
from modelmedic.steps.contracts.words import Remedy

_YES_NO = ("yes", "no")
_ANSWERS = ("approved", "rejected")
_TRAINED_BY = (Remedy.RETRAIN.value, Remedy.RECALIBRATE.value)

HEAL: Final[tuple[Stage, ...]] = (
    Stage(
        name="diagnose",
        title="Find the cause, choose the remedy",
        description="Compares the window with the champion's reference, names the cause and decides under policy and limits.",
        step="diagnose",
        account=Account.OBSERVE,
        image=Image.PREDICTOR,  # asks the champion again, which loads where it serves
        outputs=(Output("remedy", tuple(remedy.value for remedy in Remedy)), Output("approval", ("needed", "not-needed"))),
    ),
    Stage(
        name="approve-remedy",
        title="Wait for approval of the remedy",
        description="Only where the policy's autonomy for a quarantine or a rollback is approve. No answer in time is a rejection.",
        step="approve",
        account=Account.OBSERVE,
        kind=Kind.APPROVAL,
        after=("diagnose",),
        when=(
            Condition("diagnose", "remedy", (Remedy.QUARANTINE.value, Remedy.ROLLBACK.value)),
            Condition("diagnose", "approval", ("needed",)),
        ),
        outputs=(Output("decision", _ANSWERS),),
    ),
    Stage(
        name="quarantine",
        title="Set broken data aside",
        description="No training will touch the window any more; the data owner is told.",
        step="quarantine",
        account=Account.OBSERVE,
        after=("diagnose",),
        after_or_skipped=("approve-remedy",),
        when=(
            Condition("diagnose", "remedy", (Remedy.QUARANTINE.value,)),
            Condition("approve-remedy", "decision", ("approved", "")),
        ),
        outputs=(Output("outcome", ("quarantined", "rejected")),),
    ),
    Stage(
        name="rollback",
        title="Go back to the last good version",
        description="The recorded last good version serves all traffic again, then the aliases follow.",
        step="rollback",
        account=Account.DEPLOY,
        after=("diagnose",),
        after_or_skipped=("approve-remedy",),
        when=(
            Condition("diagnose", "remedy", (Remedy.ROLLBACK.value,)),
            Condition("approve-remedy", "decision", ("approved", "")),
        ),
        outputs=(Output("outcome", ("rolled_back", "escalated", "rejected")),),
    ),
    Stage(
        name="retrain",
        title="Train a challenger",
        description="Learns from the rows that the diagnosis allows; writes a model and nothing else.",
        step="retrain",
        account=Account.TRAIN,
        image=Image.TRAIN,
        after=("diagnose",),
        when=(Condition("diagnose", "remedy", _TRAINED_BY),),
        outputs=(Output("trained", _YES_NO),),
    ),
    Stage(
        name="validate",
        title="Judge the challenger",
        description="Registers it and holds it against the champion on the same recent labelled rows: every gate has to pass.",
        step="validate",
        account=Account.VALIDATE,
        image=Image.PREDICTOR,  # a challenger that loads there will load where it serves
        after=("retrain",),
        when=(Condition("retrain", "trained", ("yes",)),),
        outputs=(Output("passed", _YES_NO), Output("version"), Output("digest")),
    ),
    Stage(
        name="approve",
        title="Wait for approval of the challenger",
        description="Only where the policy's autonomy for the remedy is approve. No answer in time is a rejection.",
        step="approve",
        account=Account.OBSERVE,
        kind=Kind.APPROVAL,
        after=("validate",),
        when=(Condition("validate", "passed", ("yes",)), Condition("diagnose", "approval", ("needed",))),
        outputs=(Output("decision", _ANSWERS),),
    ),
    Stage(
        name="deploy",
        title="Canary, full traffic, alias",
        description="Dark first, then the policy's shares, each one judged; the alias moves last. Anything in doubt is taken back.",
        step="deploy",
        account=Account.DEPLOY,
        after=("validate",),
        after_or_skipped=("approve",),
        when=(Condition("validate", "passed", ("yes",)), Condition("approve", "decision", ("approved", ""))),
        inputs=(Input("version", "validate", "version"),),
        outputs=(Output("outcome", ("healed", "withdrawn", "rejected")),),
    ),
    Stage(
        name="report",
        title="Draw what differs",
        description="Evidently's report on a bounded sample, for people; no decision waits for it.",
        step="report",
        account=Account.OBSERVE,
        image=Image.REPORT,
        after=("diagnose",),
        outputs=(Output("written", _YES_NO),),
    ),
    Stage(
        name="close",
        title="Close the incident",
        description="Outcome, incident report and notification. Runs whatever happened before.",
        step="close",
        account=Account.OBSERVE,
        kind=Kind.EXIT,
        outputs=(Output("outcome"),),
    ),
)


_BY_NAME: Final = {stage.name: stage for stage in HEAL}


def stage(name: str) -> Stage:
    """Raises KeyError."""
    return _BY_NAME[name]
