"""The close stage: the outcome, the facts that later heals need, the incident page and the message
to people; called by the engine, by Argo's exit handler and by the sweep.
"""

from modelmedic.steps.approval.requests import lapse
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.contracts.results import CloseResult, DiagnoseResult
from modelmedic.steps.contracts.words import Cause, Outcome
from modelmedic.steps.core.decision.limits import counts_as_failure
from modelmedic.steps.core.incidents.outcome import Ending, ending
from modelmedic.steps.core.incidents.recurrence import SILENT_FOR
from modelmedic.steps.heal.results import note_training
from modelmedic.steps.incidents.heal_metrics import tell_heal
from modelmedic.steps.reporting.publish import publish_if_possible
from modelmedic.steps.runtime.run import Outputs, Run

_NEWS = {
    Outcome.HEALED: Severity.INFO,
    Outcome.ROLLED_BACK: Severity.WARNING,
    Outcome.QUARANTINED: Severity.WARNING,
    Outcome.NO_ACTION: Severity.INFO,
    Outcome.REJECTED: Severity.WARNING,
    Outcome.WITHDRAWN: Severity.WARNING,
    Outcome.SUGGESTED: Severity.INFO,
    Outcome.ESCALATED: Severity.CRITICAL,
}


def close(run: Run, error: str | None = None) -> Outputs:
    """Write down how the incident ended; `error` is what broke the heal, if anything did. Running
    twice changes nothing more.
    """
    site = run.site
    already = site.ledger.closing(run.incident)
    if already is None:
        lapse(run)
        already = _close(run, ending(site.ledger.stages(run.incident), error))
    report = publish_if_possible(site, run.incident)
    kept = run.record(CloseResult(already.outcome, already.sentence, report))
    tell_heal(run, 0)  # an ended heal has no canary; one that an error left there the next sweep finds
    return kept.outputs


def _close(run: Run, last: Ending) -> Closing:
    site = run.site
    if run.outputs("validate") is None:
        note_training(run)
    found = _diagnosed(run)
    if found is not None and last.outcome is Outcome.NO_ACTION:
        _acknowledge(run, found)
    before = found.champion if found is not None else None
    after = site.registry.alias(site.policy.registry.champion) if last.outcome in (Outcome.HEALED, Outcome.ROLLED_BACK) else before
    closing = site.ledger.close(run.incident, Closing(last.outcome, site.clock.now(), last.sentence, before, after, by_error=last.by_error))
    run.note("incident.closed", outcome=closing.outcome, sentence=closing.sentence, before=before, after=after)
    owner = site.policy.metadata.owner
    run.tell("incident.closed", _NEWS[closing.outcome], owner, f"{site.model}: {closing.outcome.value}", closing.sentence)
    _alert_when_the_breaker_opens(run)
    return closing


def _diagnosed(run: Run) -> DiagnoseResult | None:
    """The diagnosis, if one is recorded that can be read: an incident is closed without one too."""
    try:
        return run.result_if_any(DiagnoseResult)
    except BadInput as error:
        run.site.say(str(error))
        return None


def _acknowledge(run: Run, result: DiagnoseResult) -> None:
    """Silence a shift that needs no action, for a while and for this version's reference only.

    A shift that a limit kept from being acted on does need action, and goes on alarming.
    """
    if result.decision.objections:
        return
    found = result.diagnosis
    if found.cause in (Cause.SEASONAL, Cause.COVARIATE_SHIFT) and found.columns:
        site = run.site
        site.history.acknowledge(
            site.model,
            model_version=result.champion,
            columns=found.columns,
            reason=found.sentence,
            until=run.incident.opened_at + SILENT_FOR,
            incident=run.incident.id,
        )
        run.note("shift.acknowledged", columns=found.columns, until=run.incident.opened_at + SILENT_FOR)


def _alert_when_the_breaker_opens(run: Run) -> None:
    """Alert people by the failure that opens the breaker, and not again by those after it."""
    site, breaker = run.site, run.site.policy.limits.breaker
    since = site.clock.now() - breaker.within
    failures = [heal for heal in site.ledger.past_heals(site.model) if counts_as_failure(heal) and heal.at > since]
    if len(failures) == breaker.failures and failures[-1].incident == run.incident.id:
        sentence = f"{len(failures)} heals of {site.model} failed; nothing advances until {failures[0].at + breaker.within:%Y-%m-%d}"
        run.note("breaker.opened", failures=[heal.incident for heal in failures])
        run.tell("breaker.opened", Severity.CRITICAL, site.policy.metadata.owner, f"{site.model}: the breaker is open", sentence)
