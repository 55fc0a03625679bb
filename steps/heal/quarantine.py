"""The quarantine stage: broken rows are set aside, so that they are never trained on and never
deleted, and the owner of the data is told.
"""

from modelmedic.steps.approval.requests import refusal
from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.contracts.results import DiagnoseResult, QuarantineResult
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.heal.set_aside import set_aside, span_aside
from modelmedic.steps.runtime.run import Outputs, Run


def quarantine(run: Run) -> Outputs:
    """Set the incident's window aside from the onset on."""
    site = run.site
    found = run.result(DiagnoseResult).diagnosis
    window = span_aside(run.incident.window, found.onset)
    if no := refusal(run, "approve-remedy"):
        return run.record(QuarantineResult(window, found.columns, f"nothing of {window} is set aside: {no}", "rejected")).outputs
    labels = found.cause is Cause.LABEL_QUALITY

    set_aside(run, window, found.columns, found.sentence)
    what = "labels" if labels else "rows"
    sentence = f"{what} of {window} are set aside: {found.sentence}"
    owner = site.policy.data_owner
    run.tell("data.quarantined", Severity.WARNING, owner, f"{site.model}: {what} are broken and set aside", sentence)
    kept = run.record(QuarantineResult(window, found.columns, sentence))
    site.say(f"set aside {window} and told {owner}")
    return kept.outputs
