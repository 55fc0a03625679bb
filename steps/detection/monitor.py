"""The monitor: compares the current window with the champion's reference, keeps the verdict, and
opens an incident when enough windows alarm. Called by the entry point `monitor` and by replays.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pyarrow.compute as pc

from modelmedic.steps.contracts.ageing import ALERTS, AgeingLook
from modelmedic.steps.contracts.audit import Record
from modelmedic.steps.contracts.codec import to_plain
from modelmedic.steps.contracts.detection import SuddenChange, Verdict
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.formats import parse
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.inference_log import MODEL_VERSION
from modelmedic.steps.contracts.keys import verdict_folder, verdict_key
from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.contracts.window import Window, utc
from modelmedic.steps.contracts.words import VerdictState
from modelmedic.steps.core.decision.limits import replaces_champion
from modelmedic.steps.core.detection.expected_loss import expected_loss
from modelmedic.steps.core.detection.verdict import VerdictContext, judge_profiles, with_changes
from modelmedic.steps.core.incidents.incident_window import due_window, evidence_window
from modelmedic.steps.core.incidents.persistence import AlarmPersistence, persistence
from modelmedic.steps.detection.ageing import look, note_look, open_due, pays
from modelmedic.steps.detection.calibration import ReferenceProfile, reference_profile, thresholds
from modelmedic.steps.detection.comparison import ReleaseWatch, watch_versions
from modelmedic.steps.detection.expected_loss import with_expected
from modelmedic.steps.detection.profiles import LabelledWindow, current_profile, labelled_profile
from modelmedic.steps.detection.sequential import sudden_changes
from modelmedic.steps.incidents.opening import note_opening, open_incident
from modelmedic.steps.incidents.repeats import Repeat, find_repeat
from modelmedic.steps.records.documents import keep
from modelmedic.steps.runtime.anchoring import anchor
from modelmedic.steps.runtime.log_layout import left_out, no_requests, say_what_is_left_out
from modelmedic.steps.runtime.run import Site

ALERT = "drift-verdict"
_MOST_NAMED = 20  # objects in one record
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
    against it. It holds as long as the fault does, with or without an incident. `aged` is the
    newest look at the champion's ageing, and `pays` is true while it finds a training due that
    nothing holds back. `accused` is true while an incident is open in which a comparison with a
    version before speaks against the champion.
    """

    verdict: Verdict
    incident: str | None
    opened: bool
    alarm: bool
    sentence: str
    persistent: AlarmPersistence
    labelled: MaturedLabels
    champion: str
    aged: AgeingLook | None = None
    pays: bool = False
    accused: bool = False


def monitor(site: Site, end: datetime | None = None, *, compare: bool = True) -> MonitorResult:
    """Judge the window that ends at `end` (default: now), and `compare` the champion with versions
    before it. Judging a window twice gives the same verdict and opens no second incident.

    Raises BadInput when no version that ever served has a reference.
    """
    end = utc(end or site.clock.now())
    window = Window(end - site.policy.detect.window, end)
    _make_up(site, end)
    reference = reference_profile(site)
    champion = site.registry.alias(site.policy.registry.champion) or reference.version
    judged, labelled = _judge(site, reference, window, champion)
    judged = with_changes(judged, _changes(site, champion, window), _acknowledged(site, champion))
    judged = replace(judged, unreadable=len(site.windows.unreadable))
    key = verdict_key(site.model, champion, end, site.policy.hash)
    verdict, _ = keep(site.store, key, judged)
    since, settles = _since(site)
    if since is not None and end <= since and _all_its_own(site, window, champion):
        since = None
    earlier = stored_verdicts(site, champion, end)
    held = persistence(earlier, site.policy.detect.persistence.hits, site.policy.detect.persistence.of, since)
    worse = verdict.unreadable > max((each.unreadable for each in earlier if each.window != verdict.window), default=0)

    def tell() -> None:
        if held.newly_blind:
            _tell_blind(site, verdict)
        if worse:
            _tell_unreadable(site)

    _note_verdict(site, key, verdict, {**_facts(verdict), **_circumstances(held, labelled, reference.version)}, tell)
    alarm = (held.holds or bool(verdict.changes)) and (settles is None or verdict.state is VerdictState.BROKEN)
    watched = watch_versions(site, end, champion) if compare else ReleaseWatch()
    incident = site.ledger.current(site.model)
    expected = verdict.expected is not None and verdict.expected.alarming
    aged = _aged(site, champion, end, early=alarm or expected)
    again = _again(site, champion, verdict, earlier, aged) if alarm and incident is None else None
    if again is not None:
        _note_repeat(site, key, verdict, again)
    early = since is not None and end <= since
    sentence = _sentence(site, verdict, held, None if alarm else settles, early=early and not alarm) + _repeats(again)
    site.say(f"{verdict.state.value}: {sentence}")
    if verdict.expected is not None and expected:
        site.say(f"no verdict, but {verdict.expected.sentence}")
    say_what_is_left_out(site, window)
    due = aged is not None and pays(site, aged, site.clock.now())
    incident, opened = _open(site, verdict, held, labelled) if alarm and again is None else (incident, False)
    if aged is not None and due and incident is None:
        incident, opened = open_due(site, aged, due_window(site.policy, window))
    anchor(site)
    due = due or (incident is not None and incident.alert in ALERTS)  # its alert stands until its heal has ended
    labels = MaturedLabels(labelled.window, labelled.maturity, labelled.lag)
    return MonitorResult(
        verdict,
        incident.id if incident else None,
        opened or watched.opened,
        alarm,
        sentence,
        held,
        labels,
        champion,
        aged,
        due,
        watched.accused,
    )


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
    limits = thresholds(site, reference, current.rows)
    verdict = judge_profiles(reference.profile, current, limits, asked)
    if limits.curve is not None and (labelled.window != window or labelled.newest is not None):
        found = expected_loss(reference.profile, current, limits.curve, labelled.newest)
        verdict = with_expected(site, verdict, found, window)
    if not current.rows and not site.windows.count(window):
        verdict = replace(verdict, sentence=no_requests(site, window))
    return replace(verdict, model=site.model, model_version=champion, measured_at=site.clock.now()), labelled


def _aged(site: Site, champion: str, end: datetime, *, early: bool) -> AgeingLook | None:
    """The newest look at the ageing; None where it cannot be measured: a feature is no number, or
    nothing that teaches pilots is installed.
    """
    try:
        return look(site, champion, end, early=early)
    except (BadInput, ImportError) as error:
        site.say(f"the ageing is not measured: {error}")
        return None


def _changes(site: Site, champion: str, window: Window) -> tuple[SuddenChange, ...]:
    """The sudden changes that were seen since the look before, at most a window ago."""
    looks = [each.window.end for each in stored_verdicts(site, champion, window.end) if each.window and each.window.end < window.end]
    since = max([window.start, *looks])
    return tuple(change for change in sudden_changes(site, window.end) if change.seen > since)


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


def _all_its_own(site: Site, window: Window, champion: str) -> bool:
    """True where the champion answered every row of the window: then it is about the champion,
    though it ended before the release, as where rows of the past are asked about or logged later.
    """
    versions = [batch[MODEL_VERSION] for batch in site.windows.batches(window, (site.policy.data.time, MODEL_VERSION))]
    return any(len(each) for each in versions) and all(pc.all(pc.fill_null(pc.equal(each, champion), False)).as_py() for each in versions)


def stored_verdicts(site: Site, champion: str, end: datetime) -> list[Verdict]:
    """The stored verdicts on windows that end by `end`, of the last thirty days or the last `of`
    windows, whichever is longer, oldest first: one for each end, by the policy of today where it
    has judged that window, else by an earlier one.
    """
    first, last = (verdict_key(site.model, champion, moment) for moment in (end - max(_LOOK_BACK, _reach(site)), end))
    keys = [key for key in site.store.list(verdict_key(site.model, champion), after=first) if key <= last]
    own = f"-{site.policy.hash[:8]}.json"
    by_end: dict[str, str] = {}
    for key in sorted(keys, key=lambda key: (key.endswith(own), key)):
        by_end[key.rpartition("/")[2].removesuffix(".json").partition("-")[0]] = key
    return [parse(Verdict, site.store.get(key).data, key) for _, key in sorted(by_end.items())]


def _reach(site: Site) -> timedelta:
    return site.policy.detect.persistence.of * site.policy.detect.window


def _open(site: Site, verdict: Verdict, held: AlarmPersistence, labelled: LabelledWindow) -> tuple[Incident, bool]:
    """The model's open incident, and True when this call opened it; else the verdict is attached to
    it as evidence.
    """
    window = evidence_window(verdict, site.policy, labelled.window)
    facts = {"state": verdict.state.value, "sentence": verdict.sentence, "windows": _why(held), "columns": ", ".join(_blamed(verdict))}
    incident, opened = open_incident(site, window, ALERT, facts)
    if opened:
        site.say(f"incident {incident.id}: {verdict.sentence}")
    return incident, opened


def _again(site: Site, champion: str, verdict: Verdict, earlier: Sequence[Verdict], aged: AgeingLook | None) -> Repeat | None:
    return find_repeat(site.ledger, site.freezes, site.policy, champion, verdict, earlier, site.clock.now(), aged)


def _repeats(again: Repeat | None) -> str:
    return f"; nothing beyond incident {again.incident}: {again.reason}" if again else ""


def _sentence(site: Site, verdict: Verdict, held: AlarmPersistence, settles: datetime | None, *, early: bool) -> str:
    if not verdict.alarming:
        return verdict.sentence
    if early:
        return f"{verdict.sentence}. This window ended before the champion was released, so it opens no incident"
    if not held.holds and not verdict.changes:
        return f"{verdict.sentence}; {_rule(held)}; {site.policy.detect.persistence.hits} open an incident"
    if settles is not None:
        why = "because until then windows hold rows of the champion before the last heal"
        return f"{verdict.sentence}; {_rule(held)}, but no incident is opened before {settles:%Y-%m-%dT%H:%MZ} {why}"
    return f"{verdict.sentence}; {_why(held)}"


def _why(held: AlarmPersistence) -> str:
    return _rule(held) if held.holds else "so sudden a change needs no second window"


def _rule(held: AlarmPersistence) -> str:
    return f"{held.hits} of the last {held.of} windows alarm"


def _blamed(verdict: Verdict) -> list[str]:
    broken = [problem.column for problem in verdict.problems if problem.column]
    changed = [column for change in verdict.changes for column in change.columns]
    shifted = [s.column for s in verdict.shifts if s.shifted and not s.acknowledged]
    within = [s.column for part in verdict.segments for s in part.shifts]
    return list(dict.fromkeys([*broken, *changed, *shifted, *within]))[:10]


def _facts(verdict: Verdict) -> dict[str, object]:
    return {
        "state": verdict.state,
        "window": verdict.window,
        "rows": verdict.rows,
        "columns": _blamed(verdict),
        "segments": [f"{part.segment.column} {part.segment.value}" for part in verdict.segments][:_MOST_NAMED],
        "unreadable": verdict.unreadable,
        "sentence": verdict.sentence,
    }


def _tell_unreadable(site: Site) -> None:
    unreadable = site.windows.unreadable
    site.note("log.unreadable", {"objects": len(unreadable), "some": dict(list(unreadable.items())[:_MOST_NAMED])})
    site.tell(
        "log.unreadable",
        Severity.WARNING,
        site.policy.metadata.owner,
        f"Some of the inference log of {site.model} cannot be read",
        f"{left_out(site)}. The verdict rests on the others; put the objects right or delete them.",
    )


def _circumstances(held: AlarmPersistence, labelled: LabelledWindow, reference: str) -> dict[str, object]:
    return {"hits": held.hits, "of": held.of, "labelled": round(labelled.maturity, 4), "reference": reference}


def _note_verdict(site: Site, key: str, verdict: Verdict, facts: Mapping[str, object], first: Callable[[], object] = tuple) -> bool:
    assert verdict.window is not None
    window = to_plain(verdict.window)

    def told(record: Record) -> bool:
        """True for the record by an earlier version of this program."""
        return record.event == "drift.measured" and record.key is None and record.facts.get("window") == window

    return site.once("drift.measured", key, facts, documents=[key], since=verdict.measured_at, first=first, told=told)


def _note_repeat(site: Site, key: str, verdict: Verdict, again: Repeat) -> None:
    facts = {"incident": again.incident, "reason": again.reason, "sentence": verdict.sentence}
    site.once("alarm.repeated", f"alarm.repeated/{key}", facts, since=verdict.measured_at)


def _make_up(site: Site, end: datetime) -> None:
    """Record what monitors before this one have stored and were killed before they recorded: the
    open incident, the newest look at the ageing, and verdicts back to the newest that is recorded.
    """
    current = site.ledger.current(site.model)
    if current is not None:
        note_opening(site.trail, current)
    note_look(site, end)
    folder = verdict_folder(site.model)
    for key in sorted(site.store.list(folder), key=lambda key: key.rpartition("/")[2], reverse=True):
        verdict = parse(Verdict, site.store.get(key).data, key)
        if verdict.window is None or not _note_verdict(site, key, verdict, _facts(verdict)):
            return


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
