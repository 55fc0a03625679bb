"""The reminder of an approval that nobody has answered; sent by the sweep, once for each
request.
"""

from datetime import timedelta

from modelmedic.steps.approval.pending import Pending, pending
from modelmedic.steps.approval.question import question
from modelmedic.steps.approval.requests import current_ruling
from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.contracts.window import format_duration
from modelmedic.steps.runtime.run import Run


def remind(run: Run) -> bool:
    """Remind the owner, and `approval.deputy` where there is one, of a request that has waited for
    `approval.remindAfter`; True where this call did.
    """
    approval, waiting = run.site.policy.approval, pending(run.site.ledger, run.incident)
    if waiting is None or waiting.asked_at is None or not approval.remindAfter:
        return False
    gone = run.site.clock.now() - waiting.asked_at
    if gone < approval.remindAfter or current_ruling(run, waiting.stage).decision != "waiting":
        return False
    return run.once("approval.reminded", waiting.stage, first=lambda: _tell(run, waiting, gone), stage=waiting.stage)


def _tell(run: Run, waiting: Pending, gone: timedelta) -> None:
    assert waiting.asked_at is not None
    asked, words = question(run, waiting.stage, waiting.asked_at)
    since = format_duration(timedelta(minutes=gone // timedelta(minutes=1)))
    for person in filter(None, dict.fromkeys((run.site.policy.metadata.owner, run.site.policy.approval.deputy))):
        run.tell("approval.reminded", Severity.WARNING, person, f"{asked} It has waited for {since}", words)
