"""The diagnose stage: the cause of the incident, from its window and the champion's reference, and
the remedy that the policy and its limits allow.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.ageing import ALERTS, AgeingLook
from modelmedic.steps.contracts.comparison import WON, Comparison
from modelmedic.steps.contracts.decision import Decision, Objection
from modelmedic.steps.contracts.diagnosis import COUNTED, Context, Diagnosis, Evidence
from modelmedic.steps.contracts.incident import SERVICE, Incident
from modelmedic.steps.contracts.inference_log import MODEL_VERSION
from modelmedic.steps.contracts.results import DiagnoseResult, LastingQuarantine
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Autonomy, Cause, Outcome, Remedy
from modelmedic.steps.core.comparison.audit import no_worse
from modelmedic.steps.core.decision.limits import ADVANCING, objections
from modelmedic.steps.core.decision.rules import ask_about_rows, decide
from modelmedic.steps.core.diagnosis.changes import span_of_changes, with_changes
from modelmedic.steps.core.diagnosis.diagnosis import LEAST_ROWS, find_cause
from modelmedic.steps.core.diagnosis.release_audit import acquitted, unsettled, with_accusation, with_win
from modelmedic.steps.core.diagnosis.ruling import with_ruling
from modelmedic.steps.core.diagnosis.sick_service import of_service
from modelmedic.steps.core.learning.brought_forward import too_dear, weighed
from modelmedic.steps.core.review.autonomy import levels
from modelmedic.steps.heal.asked_again import asked_again
from modelmedic.steps.heal.attributed import attributed
from modelmedic.steps.heal.lasting import lasting_quarantine, released_before
from modelmedic.steps.heal.results import note_diagnosis
from modelmedic.steps.heal.set_aside import set_aside
from modelmedic.steps.incidents.queue import ahead_of, waiting_since
from modelmedic.steps.records.ageing_looks import newest_look, trained_since
from modelmedic.steps.records.change_events import changes
from modelmedic.steps.records.comparisons import newest_comparison
from modelmedic.steps.review.autonomy import standing_falls
from modelmedic.steps.runtime.log_layout import left_out, no_requests, say_what_is_left_out
from modelmedic.steps.runtime.reference import champion_reference
from modelmedic.steps.runtime.run import Outputs, Run
from modelmedic.steps.training.history import earlier_rows

MOST_ROWS = 400_000  # of the window, evenly thinned above: row-level tests gain nothing beyond
_PAST_WINDOWS = 26  # as long as the incident's; a year of fortnights
_PAST_ROWS = 40_000  # of all of them, evenly thinned above
_DAY = timedelta(days=1)
_RECENT_RELEASES = timedelta(days=90)


def diagnose(run: Run) -> Outputs:
    """Find the cause, decide on the remedy, record both. Raises BadInput when there is no
    reference.

    While a person is asked about a lasting quarantine, the window stays set aside.
    """
    found = conclude(run)
    if found.lasting is not None:
        set_aside(run, found.lasting.spans[-1], found.lasting.columns, found.lasting.sentence)
    diagnosis, decision = found.diagnosis, found.decision
    kept = run.record(found)
    note_diagnosis(run, kept)
    run.site.say(f"{diagnosis.cause.value} ({diagnosis.confidence:.0%} sure): {diagnosis.sentence}")
    if decision.objections:
        run.site.say(decision.sentence)
    return kept.outputs


def conclude(run: Run) -> DiagnoseResult:
    """The cause and the decision, without a record of them."""
    site, window = run.site, run.incident.window
    champion = site.registry.alias(site.policy.registry.champion)
    if (measured := _of_service(run)) is not None:
        return _about_service(run, champion, of_service(measured))
    reference = champion_reference(site)
    current = _without_taken_back(run, site.windows.table(window, limit=MOST_ROWS), champion)
    site.say(f"comparing {current.num_rows} rows of {window} with the reference of version {reference.version}")
    say_what_is_left_out(site, window)
    if site.windows.unreadable:
        run.note("log.unreadable", objects=len(site.windows.unreadable), sentence=left_out(site))
    past = _past(run)
    found = find_cause(reference.table, current, site.policy.roles, _context(run), past)
    if not current.num_rows:
        found = _of_nothing(found, no_requests(site, window))
    found = _compared(run, champion, found)
    found = asked_again(run, found, champion, current, past)
    if word := released_before(run, found, champion):
        found = acquitted(found, word)
    if ruled := run.incident.ruled:
        found = with_ruling(found, ruled, run.incident.started_by)
    told = _told(run, found, champion)
    told = replace(told, diagnosis=attributed(run, told.diagnosis, champion, reference.table, current))
    events = changes(site.store, site.model, span_of_changes(told.diagnosis, window))
    told = replace(told, diagnosis=with_changes(told.diagnosis, events, window))
    served = site.registry.version(champion) if champion is not None else None
    return DiagnoseResult(told.diagnosis, told.decision, champion, served, reference.version, current.num_rows, window, told.lasting)


def _of_service(run: Run) -> Mapping[str, str] | None:
    """The facts of an incident about the service, or of one whose suggestion was taken up; None for
    an incident about the window's rows.
    """
    took_up = run.incident.facts.get("took_up")
    about = run.site.ledger.find(took_up) if took_up else run.incident
    return about.facts if about.alert == SERVICE else None


def _about_service(run: Run, champion: str | None, found: Diagnosis) -> DiagnoseResult:
    """The decision about the service, which no row of the window speaks of; asking a person is not
    held back by what a training costs.
    """
    site, window = run.site, run.incident.window
    decision = decide(found, site.policy, taken_up=run.incident.taken_up, fallen=_fallen(run))
    served = site.registry.version(champion) if champion is not None else None
    return DiagnoseResult(found, decision, champion, served, champion, site.windows.count(window), window)


def _of_nothing(found: Diagnosis, sentence: str) -> Diagnosis:
    """The diagnosis of a window without any request, which says where requests were looked for."""
    return replace(found, sentence=sentence, evidence=(Evidence(COUNTED, sentence, 0.0),))


@dataclass(frozen=True, slots=True)
class _Told:
    """The decision on a diagnosis. `lasting` is the quarantine that a person is asked about."""

    diagnosis: Diagnosis
    decision: Decision
    lasting: LastingQuarantine | None = None


def _told(run: Run, found: Diagnosis, champion: str | None) -> _Told:
    """The decision by rules and limits; or the question about a lasting quarantine. While a limit
    holds the question back, the quarantine goes on.
    """
    policy, lasting, taken_up = run.site.policy, lasting_quarantine(run, found), run.incident.taken_up
    look, fallen = _look(run, champion), _fallen(run)
    diagnosis = weighed(found, decide(found, policy).wanted, look, aged=run.incident.alert in ALERTS)
    decision = decide(diagnosis, policy, limits_against(run, diagnosis, decide(diagnosis, policy).wanted, look), taken_up, fallen)
    if lasting is None:
        return _Told(diagnosis, decision)
    against = limits_against(run, diagnosis, Remedy.RETRAIN)
    if against:
        waits = f"a person is not asked yet about what lasts, because {'; '.join(each.sentence for each in against)}"
        return _Told(diagnosis, replace(decision, objections=against, sentence=f"{decision.sentence}; {waits}"))
    asked = replace(found, evidence=(Evidence("quarantine.lasted", lasting.sentence), *found.evidence))
    return _Told(asked, ask_about_rows(policy, lasting.sentence, taken_up, fallen), lasting)


def _fallen(run: Run) -> Mapping[Remedy, Autonomy]:
    """The levels to which autonomy has fallen by harm that nobody has answered for yet."""
    return levels(standing_falls(run.site.store, run.site.clock, run.site.model))


def _past(run: Run) -> pa.Table:
    """The rows before the incident's window, from which the diagnosis learns what is normal."""
    window = run.incident.window
    return earlier_rows(run.site, Window(window.start - _PAST_WINDOWS * window.length, window.start), _PAST_ROWS)


def _without_taken_back(run: Run, rows: pa.Table, champion: str | None) -> pa.Table:
    """The rows without the answers of versions that a rollback took back: what they cost is past,
    and says nothing about the champion. All rows where too few would be left.
    """
    ledger, model = run.site.ledger, run.site.model
    closings = (ledger.closing(incident) for incident in ledger.incidents(model))
    bad = {each.champion_before for each in closings if each is not None and each.outcome is Outcome.ROLLED_BACK} - {champion, None}
    if not bad or MODEL_VERSION not in rows.column_names:
        return rows
    left = rows.filter(pc.invert(pc.is_in(rows[MODEL_VERSION], value_set=pa.array(sorted(map(str, bad)), pa.string()))))
    return left if left.num_rows >= LEAST_ROWS else rows


def _compared(run: Run, champion: str | None, found: Diagnosis) -> Diagnosis:
    """The diagnosis of the window, or of the champion's release when the newest comparison accuses
    it, or of its age when a challenger in the dark has overtaken it.
    """
    if run.incident.alert == WON:
        return with_win(found, str(run.incident.facts.get("sentence", "")))
    seen = newest_comparison(run.site.store, run.site.model, champion) if champion is not None else None
    if seen is not None and any(release.at > seen.at for release in run.site.history.releases(run.site.model)):
        seen = None  # of an earlier time that it served
    if champion is not None and seen is not None and seen.accusation is not None:
        return with_accusation(found, champion, seen.accusation)
    reason = _acquittal(found, champion, seen)
    if reason:
        return acquitted(found, reason)
    return unsettled(found, champion) if champion is not None and _began_inside(run, champion) and not _settled(seen) else found


def _acquittal(found: Diagnosis, champion: str | None, seen: Comparison | None) -> str:
    """The reason to take no release back that the window blames, else empty: it serves no more, or
    it was compared with the version before it on the very same rows, which no window can do.
    """
    if found.cause is not Cause.BAD_RELEASE or found.version is None:
        return ""
    if found.version != champion:
        return f"version {found.version} serves no more; version {champion} does"
    if seen is not None and _settled(seen):
        return f"asked about the same labelled rows, version {champion} loses about as much as version {seen.previous}"
    return ""


def _began_inside(run: Run, champion: str) -> bool:
    """True where the champion took another version's place within the incident's window."""
    window, releases = run.incident.window, run.site.history.releases(run.site.model)
    return any(each.version == champion and each.previous is not None and window.start < each.at < window.end for each in releases)


def _settled(seen: Comparison | None) -> bool:
    pair = seen.pair(seen.previous) if seen is not None else None
    return pair is not None and no_worse(pair)


def _context(run: Run) -> Context:
    site, policy = run.site, run.site.policy
    since = run.incident.window.start - _RECENT_RELEASES
    return Context(
        releases=tuple(release for release in site.history.releases(site.model) if release.at >= since),
        label_delay=policy.data.labels.delay,
        season=policy.diagnose.seasonality,
    )


def _look(run: Run, champion: str | None) -> AgeingLook | None:
    """The newest look at the champion's ageing, if no training was tried since."""
    site = run.site
    look = newest_look(site.store, site.model, site.clock.now())
    if look is None or look.champion != champion or trained_since(site.ledger, site.model, look.at) is not None:
        return None
    return look


def limits_against(run: Run, diagnosis: Diagnosis, remedy: Remedy, look: AgeingLook | None = None) -> tuple[Objection, ...]:
    """The limits that speak now against the remedy; without a look the price of a training is
    none.
    """
    site, policy = run.site, run.site.policy
    others = [incident for incident in site.ledger.open_incidents() if incident.id != run.incident.id]
    budgeted = policy.limits.fleet.healsPerDay is not None
    return objections(
        policy.limits,
        site.ledger.past_heals(site.model),
        site.clock.now(),
        remedy=remedy,
        open_heals=len(others),
        frozen=site.freezes.frozen(site.model),
        settle=policy.settle,
        due=look is not None and look.due,
        price=too_dear(diagnosis, look, site.clock.now()),
        ahead=ahead_of(run, diagnosis) if remedy in ADVANCING else 0,
        since=waiting_since(run),
        fleet=site.ledger.heals_since(site.clock.now() - _DAY) if budgeted else (),
        advancing=sum(_advances(run, incident) for incident in others) if budgeted else 0,
    )


def _advances(run: Run, incident: Incident) -> bool:
    """True for a heal that trains or deploys, or waits for a person's leave to."""
    found = run.site.ledger.result(incident, DiagnoseResult)
    return found is not None and found.decision.acted in ADVANCING
