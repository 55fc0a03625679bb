"""The monitor: compares the current window with the champion's reference, keeps the verdict, and
opens an incident when enough windows alarm. Called by the entry point `monitor` and by replays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from modelmedic.steps.contracts.codec import to_plain
from modelmedic.steps.contracts.detection import Verdict
from modelmedic.steps.contracts.formats import parse
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.keys import policy_key, verdict_key
from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.contracts.window import Window, utc
from modelmedic.steps.contracts.words import VerdictState
from modelmedic.steps.core.decision.limits import replaces_champion
from modelmedic.steps.core.detection.verdict import VerdictContext, judge_profiles
from modelmedic.steps.core.incidents.incident_window import evidence_window
from modelmedic.steps.core.incidents.persistence import AlarmPersistence, persistence
from modelmedic.steps.detection.calibration import ReferenceProfile, reference_profile, thresholds
from modelmedic.steps.detection.profiles import LabelledWindow, current_profile, labelled_profile
from modelmedic.steps.incidents.repeats import Repeat, find_repeat
from modelmedic.steps.records.documents import keep
from modelmedic.steps.runtime.run import Site

ALERT = "drift-verdict"
_LOOK_BACK = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class MaturedLabels:
    """The window whose labels have matured, the share of its rows that have a label, 0..1, and the
    lateness of the newest label.
    """

    window: Window
    maturity: float
    lag: timedelta


@dataclass(frozen=True, slots=True)
class MonitorResult:
    """`incident` is the id of the model's open incident; `opened` is true when this run opened it.

    `alarm` is true when as many windows alarm as the policy asks for and no settle time speaks
    against it. It holds as long as the fault does, with or without an incident.
    """

    verdict: Verdict
    incident: str | None
    opened: bool
    alarm: bool
    sentence: str
    persistent: AlarmPersistence
    labelled: MaturedLabels
    champion: str


def monitor(site: Site, end: datetime | None = None) -> MonitorResult:
    """Judge the window that ends at `end` (default: now). Judging a window twice gives the same
    verdict and opens no second incident.

    Raises BadInput when no version that ever served has a reference.
    """
    end = utc(end or site.clock.now())
    window = Window(end - site.policy.detect.window, end)
    reference = reference_profile(site)
    champion = site.registry.alias(site.policy.registry.champion) or reference.version
    judged, labelled = _judge(site, reference, window, champion)
    verdict, written = keep(site.store, verdict_key(site.model, champion, end), judged)
    since, settles = _since(site)
    earlier = stored_verdicts(site, champion, end)
    held = persistence(earlier, site.policy.detect.persistence.hits, site.policy.detect.persistence.of, since)
    if written:
        site.note("drift.measured", _facts(verdict, held, labelled, reference.version))
        if held.newly_blind:
            _tell_blind(site, verdict)
    alarm = held.holds and (settles is None or verdict.state is VerdictState.BROKEN)
    incident = site.ledger.current(site.model)
    again = _again(site, champion, verdict, earlier) if alarm and incident is None else None
    if again is not None and written:
        site.note("alarm.repeated", {"incident": again.incident, "reason": again.reason, "sentence": verdict.sentence})
    sentence = _sentence(site, verdict, held, None if alarm else settles) + _repeats(again)
    site.say(f"{verdict.state.value}: {sentence}")
    incident, opened = _open(site, verdict, held, labelled) if alarm and again is None else (incident, False)
    labels = MaturedLabels(labelled.window, labelled.maturity, labelled.lag)
    return MonitorResult(verdict, incident.id if incident else None, opened, alarm, sentence, held, labels, champion)


def _judge(site: Site, reference: ReferenceProfile, window: Window, champion: str) -> tuple[Verdict, LabelledWindow]:
    current = current_profile(site, reference.profile.layout, window)
    labelled = labelled_profile(site, reference.profile.layout, window)
    aside = any(span.overlaps(window) for span in site.history.quarantined(site.model))
    asked = VerdictContext(
        labelled=labelled.profile,
        maturity=site.policy.data.labels.maturity,
        least_rows=site.policy.detect.minRows,
        acknowledged=_acknowledged(site, champion),
        window=window,
        whole=not aside,
    )
    verdict = judge_profiles(reference.profile, current, thresholds(site, reference, current.rows), asked)
    return replace(verdict, model=site.model, model_version=champion, measured_at=site.clock.now()), labelled


def _acknowledged(site: Site, champion: str) -> frozenset[str]:
    notes = site.history.acknowledged(site.model)
    return frozenset(column for note in notes if note.model_version in (None, champion) for column in note.columns)


def _since(site: Site) -> tuple[datetime | None, datetime | None]:
    """The time from which on windows are about this champion, and the time until which they still
    hold rows of the champion that a heal replaced.
    """
    now = site.clock.now()
    changes = [release.at for release in site.history.releases(site.model) if release.at <= now]
    last = max((heal.at for heal in site.ledger.past_heals(site.model) if replaces_champion(heal)), default=None)
    if last is None or (changes and max(changes) > last):  # a version released since, by hand, is watched at once
        return max(changes, default=None), None
    settles = last + site.policy.settle
    return max([settles, *changes]) if now >= settles else last, settles if now < settles else None


def stored_verdicts(site: Site, champion: str, end: datetime) -> list[Verdict]:
    """The stored verdicts on windows that end by `end`, of the last thirty days or the last `of`
    windows, whichever is longer, oldest first.
    """
    first, last = (verdict_key(site.model, champion, moment) for moment in (end - max(_LOOK_BACK, _reach(site)), end))
    keys = [key for key in site.store.list(verdict_key(site.model, champion), after=first) if key <= last]
    return [parse(Verdict, site.store.get(key).data, key) for key in keys]


def _reach(site: Site) -> timedelta:
    return site.policy.detect.persistence.of * site.policy.detect.window


def _open(site: Site, verdict: Verdict, held: AlarmPersistence, labelled: LabelledWindow) -> tuple[Incident, bool]:
    """The model's open incident, and True when this call opened it; else the verdict is attached to
    it as evidence.
    """
    keep(site.store, policy_key(site.policy.hash), site.policy)
    window = evidence_window(verdict, site.policy, labelled.window)
    facts = {"state": verdict.state.value, "sentence": verdict.sentence, "windows": _rule(held), "columns": ", ".join(_blamed(verdict))}
    incident, opened = site.ledger.open_incident(site.model, site.policy.hash, window, ALERT, facts)
    if opened:
        site.note("incident.opened", {"alert": ALERT, "window": to_plain(window), **facts}, incident.id)
        site.say(f"incident {incident.id}: {verdict.sentence}")
    return incident, opened


def _again(site: Site, champion: str, verdict: Verdict, earlier: Sequence[Verdict]) -> Repeat | None:
    return find_repeat(site.ledger, site.freezes, site.policy, champion, verdict, earlier, site.clock.now())


def _repeats(again: Repeat | None) -> str:
    return f"; nothing beyond incident {again.incident}: {again.reason}" if again else ""


def _sentence(site: Site, verdict: Verdict, held: AlarmPersistence, settles: datetime | None) -> str:
    if not verdict.alarming:
        return verdict.sentence
    if not held.holds:
        return f"{verdict.sentence}; {_rule(held)}; {site.policy.detect.persistence.hits} open an incident"
    if settles is not None:
        why = "because until then windows hold rows of the champion before the last heal"
        return f"{verdict.sentence}; {_rule(held)}, but no incident is opened before {settles:%Y-%m-%dT%H:%MZ} {why}"
    return f"{verdict.sentence}; {_rule(held)}"


def _rule(held: AlarmPersistence) -> str:
    return f"{held.hits} of the last {held.of} windows alarm"


def _blamed(verdict: Verdict) -> list[str]:
    broken = [problem.column for problem in verdict.problems if problem.column]
    return list(dict.fromkeys([*broken, *(s.column for s in verdict.shifts if s.shifted and not s.acknowledged)]))[:10]


def _facts(verdict: Verdict, held: AlarmPersistence, labelled: LabelledWindow, reference: str) -> dict[str, object]:
    return {
        "state": verdict.state,
        "window": verdict.window,
        "rows": verdict.rows,
        "columns": _blamed(verdict),
        "hits": held.hits,
        "of": held.of,
        "labelled": round(labelled.maturity, 4),
        "reference": reference,
        "sentence": verdict.sentence,
    }


def _tell_blind(site: Site, verdict: Verdict) -> None:
    span = site.policy.detect.window / timedelta(hours=1)
    site.tell(
        "monitor.blind",
        Severity.WARNING,
        site.policy.metadata.owner,
        f"The monitor of {site.model} has too few rows for a verdict",
        f"{verdict.sentence}. Windows are {span:.0f} hours long and this one is not the first; "
        f"look at the inference log under {site.policy.log_prefix}, or lower detect.minRows or lengthen detect.window.",
    )
