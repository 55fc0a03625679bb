"""The close stage: the outcome, the facts that later heals need, the incident page and the message
to people; called by the engine, by Argo's exit handler and by the sweep.
"""

from collections.abc import Iterator

from modelmedic.steps.approval.quarantine_release import make_up, quarantines_of, released
from modelmedic.steps.approval.requests import lapse
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.contracts.results import ChallengerApproval, CloseResult, DiagnoseResult, RetrainResult
from modelmedic.steps.contracts.words import Cause, Outcome, Remedy
from modelmedic.steps.core.decision.limits import counts_as_failure
from modelmedic.steps.core.diagnosis.ruling import weighed
from modelmedic.steps.core.incidents.outcome import Ending, ending, waits_for_rows
from modelmedic.steps.core.incidents.recurrence import SILENT_FOR
from modelmedic.steps.heal.fleet import look_at_the_fleet
from modelmedic.steps.heal.results import note_results, readable
from modelmedic.steps.incidents.handing_over import hand_over
from modelmedic.steps.incidents.heal_metrics import tell_heal
from modelmedic.steps.reporting.publish import publish_if_possible
from modelmedic.steps.review.autonomy import note_falls
from modelmedic.steps.runtime.anchoring import anchor
from modelmedic.steps.runtime.run import Outputs, Run

_NEWS = {
    Outcome.HEALED: Severity.INFO,
    Outcome.ROLLED_BACK: Severity.WARNING,
    Outcome.QUARANTINED: Severity.WARNING,
    Outcome.NO_ACTION: Severity.INFO,
    Outcome.REJECTED: Severity.INFO,  # the gates did their work, or a person did
    Outcome.WITHDRAWN: Severity.WARNING,
    Outcome.SUGGESTED: Severity.INFO,
    Outcome.OBSERVED: Severity.INFO,
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
        _release_approved(run)
        if readable(run, DiagnoseResult) is not None:
            make_up(site.ledger, site.history, site.trail, run.incident, site.policy.approval)
        note_results(run)
        already = _close(run, ending(site.ledger.stages(run.incident), error))
    note_closing(run, already)
    if already.outcome is Outcome.ROLLED_BACK:  # of a version that an earlier heal may have put in place
        note_falls(site)
    report = publish_if_possible(site, run.incident)
    kept = run.record(CloseResult(already.outcome, already.sentence, report))
    hand_over(run)
    anchor(site)
    tell_heal(run, 0)  # an ended heal has no canary; one that an error left there the next sweep finds
    return kept.outputs


def _close(run: Run, last: Ending) -> Closing:
    site = run.site
    found = readable(run, DiagnoseResult)
    if found is not None and last.outcome is Outcome.NO_ACTION:
        _acknowledge(run, found)
    before = found.champion if found is not None else None
    after = site.registry.alias(site.policy.registry.champion) if last.outcome in (Outcome.HEALED, Outcome.ROLLED_BACK) else before
    closing = Closing(last.outcome, site.clock.now(), last.sentence, before, after, by_error=last.by_error, judged=last.judged)
    return site.ledger.close(run.incident, closing)


def note_closing(run: Run, closing: Closing) -> None:
    """Tell people of the closing and record it, once; the record vouches for everything that is
    kept of the incident.
    """
    owner = run.site.policy.metadata.owner

    def tell() -> None:
        if closing.outcome is not Outcome.OBSERVED:  # it is only recorded
            run.tell("incident.closed", *_news(run, closing, owner))
        _alert_when_the_breaker_opens(run, closing)
        look_at_the_fleet(run, closing)

    facts = {"outcome": closing.outcome, "sentence": closing.sentence, "before": closing.champion_before, "after": closing.champion_after}
    run.once("incident.closed", "closed", documents=_vouched(run), first=tell, **facts)


def _vouched(run: Run) -> Iterator[str]:
    """The keys of what is kept of the incident, and of the rows and shifts that it set aside; read
    only where the record is still to be written.
    """
    site = run.site
    yield from (key for key in site.ledger.documents(run.incident) if key not in (run.stage_key("close"), run.stage_key("undo")))
    yield from site.history.documents(site.model, run.incident.id)


def _severity(run: Run, closing: Closing) -> Severity:
    """That of the outcome; a heal that waits for rows is no failure, and nobody is woken by it."""
    waits = closing.outcome is Outcome.ESCALATED and waits_for_rows(readable(run, DiagnoseResult), readable(run, RetrainResult))
    return Severity.WARNING if waits and not closing.by_error else _NEWS[closing.outcome]


def _news(run: Run, closing: Closing, owner: str) -> tuple[Severity, str, str, str]:
    """The message on the end, which names rows that stay set aside though a person was asked."""
    severity, summary = _severity(run, closing), f"{run.site.model}: {closing.outcome.value}"
    found, said = readable(run, DiagnoseResult), closing.sentence
    if closing.outcome is Outcome.SUGGESTED:
        said += f"; `modelmedic heal {run.incident.id} --take-up --by NAME` does it"
    if closing.outcome is Outcome.ESCALATED and found is not None:
        said += _question(run, found.diagnosis)
    if found is None or found.lasting is None or not quarantines_of(run.site.ledger, run.site.history, run.incident):
        return severity, owner, summary, said
    trained = run.result_if_any(RetrainResult)
    compared = f"; {trained.ablation.sentence}" if trained is not None and trained.ablation is not None else ""
    how = f"they stay so until `modelmedic quarantine release POLICY {run.incident.id} --why WHY`"
    worse = Severity.WARNING if severity is Severity.INFO else severity
    return worse, owner, summary, f"{said}{compared}; {found.lasting.sentence}, and {how}"


def _question(run: Run, found: Diagnosis) -> str:
    """The command by which a person says the cause of harm that the loop could not tell."""
    if found.cause is not Cause.INSUFFICIENT_EVIDENCE or found.harm != "shown":
        return ""
    close = " or ".join(cause.value for cause in weighed(found))
    whose = f"that it is {close}" if close else "the cause"
    return f"; who knows {whose} says so: `modelmedic heal {run.incident.id} --cause CAUSE --by NAME`"


def _release_approved(run: Run) -> None:
    """Count the rows that stayed set aside as good again, where a person approved the challenger
    that was taught with them.
    """
    site, found = run.site, readable(run, DiagnoseResult)
    if found is None or found.lasting is None:
        return
    trained, answered = run.result_if_any(RetrainResult), run.result_if_any(ChallengerApproval)
    better = trained is not None and trained.ablation is not None and trained.ablation.with_them
    if not better or answered is None or answered.decision != "approved":
        return
    standing = quarantines_of(site.ledger, site.history, run.incident)
    if standing:
        released(site.ledger, site.history, site.trail, run.incident, standing, by=answered.by, reason=answered.sentence)


def _acknowledge(run: Run, result: DiagnoseResult) -> None:
    """Silence a shift that needs no action, for a while and for this version's reference only.

    A shift that a limit or too few labels kept from being acted on does need action, and goes on
    alarming.
    """
    if result.decision.wanted is not Remedy.NONE:
        return
    found = result.diagnosis
    if found.cause in (Cause.SEASONAL, Cause.COVARIATE_SHIFT) and found.columns:
        site, until = run.site, run.incident.opened_at + SILENT_FOR
        site.history.acknowledge(
            site.model,
            model_version=result.champion,
            columns=found.columns,
            reason=found.sentence,
            until=until,
            incident=run.incident.id,
        )
        run.once("shift.acknowledged", "close", columns=found.columns, until=until)


def _alert_when_the_breaker_opens(run: Run, closing: Closing) -> None:
    """Alert people by the failure that opens the breaker, and not again by those after it."""
    site, breaker = run.site, run.site.policy.limits.breaker
    since = closing.at - breaker.within
    failures = [heal for heal in site.ledger.past_heals(site.model) if counts_as_failure(heal) and since < heal.at <= closing.at]
    if len(failures) == breaker.failures and failures[-1].incident == run.incident.id:
        sentence = f"{len(failures)} heals of {site.model} failed; nothing advances until {failures[0].at + breaker.within:%Y-%m-%d}"
        run.tell("breaker.opened", Severity.CRITICAL, site.policy.metadata.owner, f"{site.model}: the breaker is open", sentence)
        run.once("breaker.opened", "close", failures=[heal.incident for heal in failures])
