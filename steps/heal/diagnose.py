"""The diagnose stage: the cause of the incident, from its window and the champion's reference, and
the remedy that the policy and its limits allow.
"""

from datetime import timedelta

from modelmedic.steps.contracts.decision import Objection
from modelmedic.steps.contracts.diagnosis import Context, Diagnosis
from modelmedic.steps.contracts.results import DiagnoseResult
from modelmedic.steps.core.decision.limits import objections
from modelmedic.steps.core.decision.rules import decide
from modelmedic.steps.core.diagnosis.diagnosis import find_cause
from modelmedic.steps.runtime.reference import champion_reference
from modelmedic.steps.runtime.run import Outputs, Run

MOST_ROWS = 400_000  # of the window, evenly thinned above: row-level tests gain nothing beyond
_RECENT_RELEASES = timedelta(days=90)


def diagnose(run: Run) -> Outputs:
    """Find the cause, decide on the remedy, record both. Raises BadInput when there is no
    reference.
    """
    found = conclude(run)
    diagnosis, decision = found.diagnosis, found.decision
    kept = run.record(found)
    run.note(
        "cause.diagnosed", cause=diagnosis.cause, confidence=diagnosis.confidence, columns=diagnosis.columns, window=run.incident.window
    )
    run.note("remedy.decided", remedy=decision.remedy, rule=decision.rule, autonomy=decision.autonomy, objections=decision.objections)
    run.site.say(f"{diagnosis.cause.value} ({diagnosis.confidence:.0%} sure): {diagnosis.sentence}")
    if decision.objections:
        run.site.say(decision.sentence)
    return kept.outputs


def conclude(run: Run) -> DiagnoseResult:
    """The cause and the decision, without a record of them."""
    site, window = run.site, run.incident.window
    champion = site.registry.alias(site.policy.registry.champion)
    reference = champion_reference(site)
    current = site.windows.table(window, limit=MOST_ROWS)
    site.say(f"comparing {current.num_rows} rows of {window} with the reference of version {reference.version}")
    diagnosis = find_cause(reference.table, current, site.policy.roles, _context(run))
    decision = decide(diagnosis, site.policy, _objections(run, diagnosis))
    served = site.registry.version(champion) if champion is not None else None
    return DiagnoseResult(diagnosis, decision, champion, served, reference.version, current.num_rows, window)


def _context(run: Run) -> Context:
    site, policy = run.site, run.site.policy
    since = run.incident.window.start - _RECENT_RELEASES
    return Context(
        releases=tuple(release for release in site.history.releases(site.model) if release.at >= since),
        label_delay=policy.data.labels.delay,
        season=policy.diagnose.seasonality,
    )


def _objections(run: Run, diagnosis: Diagnosis) -> tuple[Objection, ...]:
    """The limits that speak now against the remedy that the rules would choose."""
    site, policy = run.site, run.site.policy
    others = [incident for incident in site.ledger.open_incidents() if incident.id != run.incident.id]
    return objections(
        policy.limits,
        site.ledger.past_heals(site.model),
        site.clock.now(),
        remedy=decide(diagnosis, policy).wanted,
        open_heals=len(others),
        frozen=site.freezes.frozen(site.model),
        settle=policy.settle,
    )
