"""The comparison of the version that serves with versions of the last months, on rows that all of
them answered: the audit of a release, and the watch on whether an older version has become better.
Called by the monitor at each look.

The version that serves has answered the newest rows already, and the others are asked about them;
about rows from before its release it is asked itself. Models are asked in child processes unless
the site brings a way to ask. Only rows that are new since the last look are read and asked about.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.comparison import WON, AnswerLikeness, Comparison, VersionPair, Win
from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.errors import NotFound
from modelmedic.steps.contracts.inference_log import MODEL_VERSION, PREDICTION
from modelmedic.steps.contracts.keys import INCIDENT_ID, comparison_key
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.training import DARK, ModelVersion
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.comparison.audit import LEAST_ROWS, audit, hopeless, outdone, won
from modelmedic.steps.core.comparison.blocks import block_starts, daily, merged, outside, short, whole
from modelmedic.steps.core.comparison.likeness import likeness
from modelmedic.steps.core.comparison.segments import with_rows
from modelmedic.steps.core.tables.arrays import Floats, Mask
from modelmedic.steps.core.tables.moments import seconds_of
from modelmedic.steps.core.tables.row_loss import row_loss
from modelmedic.steps.incidents.opening import open_incident
from modelmedic.steps.records.comparisons import last_comparisons, newest_comparison
from modelmedic.steps.records.documents import keep
from modelmedic.steps.runtime.run import Site
from modelmedic.steps.runtime.versions import taught_until
from modelmedic.steps.training.ask_version import ask_version
from modelmedic.steps.training.history import rows_within

ALERT: Final = "release-audit"
_MOST_ROWS: Final = 4000  # of each kind and look, evenly thinned above
_FOR_LIKENESS: Final = 2000  # rows
_RIVALS: Final = 3  # versions that the one that serves is compared with
_MONTHS: Final = timedelta(days=90)  # after which a version that serves no more is asked no more
_KEPT_DAYS: Final = 60  # blocks of a pair that are kept
_A_MOMENT: Final = timedelta(seconds=1)  # a key's resolution
_LONGEST: Final = timedelta(days=28)  # of rows that one look reads
_PEOPLE: Final = "a person has put this version back, so a person is asked"
_SILENT: Final = timedelta(days=30)  # after which an accusation that nobody followed is repeated


@dataclass(frozen=True)
class _Rows:
    """Rows of one look. `kind` is 0 for labelled rows from before the release, 1 for those since,
    2 for the newest rows, whose labels are not looked at; shape (n,).
    """

    table: pa.Table
    kind: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ReleaseWatch:
    """`accused`: an incident is open, and a comparison accuses the champion. `opened`: this look
    has opened it.
    """

    accused: bool = False
    opened: bool = False


def watch_versions(site: Site, end: datetime, champion: str) -> ReleaseWatch:
    """Compare, and open an incident when the champion is accused.

    An accusation is made once; again only after thirty days, or once it is shown instead of
    estimated.
    """
    comparison = compare_versions(site, end, champion)
    found = comparison.accusation if comparison else None
    if comparison is not None and comparison.won is not None and found is None:
        return ReleaseWatch(opened=_open_win(site, end, comparison.won))
    if comparison is None or found is None or _made_before(site, comparison, end):
        return ReleaseWatch()
    window = Window(end - site.policy.detect.window, end)
    facts = {"version": champion, "instead": found.instead, "harm": found.harm, "sentence": found.sentence}
    incident, opened = open_incident(site, window, ALERT, facts)
    if opened:
        site.say(f"incident {incident.id}: {found.sentence}")
    return ReleaseWatch(True, opened)


def _open_win(site: Site, end: datetime, found: Win) -> bool:
    """Open the incident in which a dark challenger is to serve; once for a version, and None while
    another incident is open.
    """
    every = site.ledger.incidents(site.model)
    if site.ledger.current(site.model) is not None or any(i.alert == WON and i.facts.get("version") == found.version for i in every):
        return False
    window = Window(end - site.policy.detect.window, end)
    facts = {"version": found.version, "sentence": found.sentence}
    incident, opened = open_incident(site, window, WON, facts)
    if opened:
        site.say(f"incident {incident.id}: {found.sentence}")
    return opened


def compare_versions(site: Site, end: datetime, champion: str) -> Comparison | None:
    """The look at the champion up to `end`, kept in the store; None when there is no version to
    compare it with, or nothing new since the last look. A look made twice says the same.
    """
    release = _release(site, champion, end)
    if release is None or release.previous is None:
        return None
    last = newest_comparison(site.store, site.model, champion, after=release.at - _A_MOMENT)
    last = last if last is not None and last.released_at == release.at else None
    if last is not None and (last.at >= end or not _brings_news(site.policy, last, end)):
        return last
    others = _others(site, release, end)
    dark = _in_the_dark(site, champion, last)
    begun = last or Comparison(site.model, champion, release.at, release.at, release.previous)
    rows = _new_rows(site, begun, end, first=begun.pair(release.previous) is None)
    if not rows.table.num_rows:
        return last
    asked = dict.fromkeys((champion, *others, *([dark.version] if dark else ())))
    answers = {version: _answers(site, version, rows.table) for version in asked}
    served = answers[champion]
    if served is None:
        return last
    made = _look(site, begun, end, rows, served, {other: answers[other] for other in others})
    if made.accusation is not None and _put_back(site, release):
        made = replace(made, accusation=replace(made.accusation, harm="estimated", sentence=f"{made.accusation.sentence}; {_PEOPLE}"))
    made = _judged_in_the_dark(site, made, dark, rows, answers) if dark is not None else replace(made, dark=None, won=None)
    return keep(site.store, comparison_key(site.model, champion, end), made)[0]


def _in_the_dark(site: Site, champion: str, last: Comparison | None) -> ModelVersion | None:
    """The challenger that validation kept in the dark beside this champion; None when there is
    none, when a newer challenger has overtaken it, or when it has lost.
    """
    named = site.registry.alias(site.policy.registry.challenger)
    if named is None or named == champion:
        return None
    try:
        version = site.registry.version(named)
    except NotFound:
        return None
    kept = version.tags.get("passed") == DARK and version.tags.get("champion") == champion
    lost = last is not None and last.dark is not None and last.dark.other == named and hopeless(last.dark)
    return version if kept and not lost else None


def _judged_in_the_dark(site: Site, made: Comparison, dark: ModelVersion, rows: _Rows, answers: Mapping[str, Floats | None]) -> Comparison:
    """The look with the dark challenger's days, of rows that it has not learnt from."""
    served, theirs = answers[made.version], answers[dark.version]
    if served is None or theirs is None:
        return made
    pair = made.dark if made.dark is not None and made.dark.other == dark.version else VersionPair(dark.version)
    seconds, taught = _seconds(site.policy, rows.table), taught_until(dark)
    fresh = (rows.kind == 1) & (seconds >= (taught.timestamp() if taught is not None else 0.0))
    target = _target(site.policy, rows.table)
    fresh &= np.isfinite(served) & np.isfinite(theirs) & np.isfinite(target)
    losses = [row_loss(site.policy.data.task or Task.BINARY, target[fresh], each[fresh]) for each in (served, theirs)]
    pair = replace(pair, since=merged(pair.since, daily(seconds[fresh], *losses))[-_KEPT_DAYS:])
    days = replace(pair, since=whole(outside(pair.since, site.history.quarantined(site.model)), made.judged_until))
    return replace(made, dark=pair, won=won(days) if made.accusation is None else None)


def _brings_news(policy: Policy, last: Comparison, end: datetime) -> bool:
    """True when the labels of another day are due since the last look, or the answers' likeness is
    not known yet: what is judged is whole days.
    """
    known = any(pair.likeness for pair in last.pairs)
    return not known or (end - policy.data.labels.delay).date() > (last.judged_until or last.released_at).date()


def _put_back(site: Site, release: Release) -> bool:
    """True for a version that served earlier and that a person has put back, by an undo or by hand:
    a person's newer decision stands until a person changes it.
    """
    earlier = [each for each in site.history.releases(site.model) if each.at < release.at]
    return INCIDENT_ID.fullmatch(release.by) is None and any(release.version in (each.version, each.previous) for each in earlier)


def _look(site: Site, begun: Comparison, end: datetime, rows: _Rows, served: Floats, answers: dict[str, Floats | None]) -> Comparison:
    """What is known now: the pairs of the last look with these rows added, and the verdict."""
    aside = site.history.quarantined(site.model)
    judged = _judged_until(site.policy, begun, rows)
    known = {pair.other: pair for pair in begun.pairs}
    for other, theirs in answers.items():
        if theirs is not None:
            pair, unlearnt = known.get(other, VersionPair(other)), _unlearnt(site, other, rows)
            known[other] = _added(site.policy, pair, rows, served, theirs, unlearnt, first=other == begun.previous)
    pairs = tuple(known.values())
    silent = tuple(other for other, theirs in answers.items() if theirs is None)
    seen = [replace(pair, since=whole(outside(pair.since, aside), judged), before=outside(pair.before, aside)) for pair in pairs]
    released = next((pair for pair in seen if pair.other == begun.previous), None)
    accusation = audit(begun.version, released, _past(site, begun.version)) if released else None
    accusation = accusation or outdone(begun.version, seen)
    return replace(begun, at=end, judged_until=judged, pairs=pairs, accusation=accusation, silent=silent)


def _unlearnt(site: Site, other: str, rows: _Rows) -> Mask:
    """The rows that the other version has not learnt from, as far as is known: one that was taught
    later than the version that serves, as after a rollback, answers the rows in between by heart.
    """
    try:
        taught = taught_until(site.registry.version(other))
    except NotFound:
        taught = None
    seconds = _seconds(site.policy, rows.table)
    return np.ones(len(seconds), dtype=bool) if taught is None else np.asarray(seconds >= taught.timestamp())


def _added(policy: Policy, pair: VersionPair, rows: _Rows, served: Floats, theirs: Floats, unlearnt: Mask, *, first: bool) -> VersionPair:
    """The pair with new rows: losses of those with a label that the other has not learnt from, and
    the likeness at the first look that has enough rows. `first`: it is the version whose place was
    taken.
    """
    finite = np.isfinite(served) & np.isfinite(theirs)
    seconds, target = _seconds(policy, rows.table), _target(policy, rows.table)
    labelled = finite & np.isfinite(target) & (rows.kind < 2) & unlearnt
    task = policy.data.task or Task.BINARY
    losses = [np.where(labelled, row_loss(task, target, answer), 0.0) for answer in (served, theirs)]
    before, since = labelled & (rows.kind == 0), labelled & (rows.kind == 1)
    old = pair.before or short(seconds[before], losses[0][before], losses[1][before])
    new = daily(seconds[since], losses[0][since], losses[1][since])
    pair = replace(pair, before=old, since=merged(pair.since, new)[-_KEPT_DAYS:])
    if pair.likeness is None and finite.sum() >= LEAST_ROWS:
        pair = replace(pair, likeness=likeness(served[finite], theirs[finite]))
    if first:
        columns = {name: np.asarray(rows.table[name].to_pylist(), dtype=object)[labelled] for name in _cut_by(policy)}
        starts = block_starts(seconds[labelled], policy.detect.window.total_seconds())
        pair = replace(pair, segments=with_rows(pair.segments, columns, starts, losses[0][labelled], losses[1][labelled]))
    return pair


def _cut_by(policy: Policy) -> tuple[str, ...]:
    named = policy.data.segments or policy.data.categorical
    return tuple(name for name in named if name in policy.data.categorical)


def _past(site: Site, champion: str) -> tuple[AnswerLikeness, ...]:
    """The likeness of versions that followed each other and that nothing was said against."""
    found = [
        look.pair(look.previous) for look in last_comparisons(site.store, site.model) if look.version != champion and not look.accusation
    ]
    return tuple(pair.likeness for pair in found if pair is not None and pair.likeness is not None)


# the rows -----------------------------------------------------------------------------------------


def _new_rows(site: Site, begun: Comparison, end: datetime, *, first: bool) -> _Rows:
    """Labelled rows since the last look; at the first look those from before the release as well,
    and the newest rows, whose labels are not due. None of a quarantined span.
    """
    policy, released = site.policy, begun.released_at
    due = end - policy.data.labels.delay
    old = _read(site, Window(min(released, due) - policy.detect.window, min(released, due)), 0) if first else None
    new = _read(site, Window(max(released, begun.judged_until or released, due - _LONGEST), max(due, released)), 1)
    parts = [(0, old), (1, new)]
    if first or not any(pair.likeness for pair in begun.pairs):
        labelled = sum(rows.num_rows for _, rows in parts if rows is not None)
        parts.append((2, _read(site, Window(due if labelled >= LEAST_ROWS else end - policy.detect.window, end), 2)))
    known = [(kind, rows) for kind, rows in parts if rows is not None]
    table = pa.concat_tables([rows for _, rows in known], promote_options="permissive") if known else pa.table({})
    return _Rows(table, np.repeat([kind for kind, _ in known], [rows.num_rows for _, rows in known]).astype(np.int64))


def _read(site: Site, window: Window, kind: int) -> pa.Table | None:
    if window.start >= window.end:
        return None
    limit = _FOR_LIKENESS if kind == 2 else _MOST_ROWS
    rows = site.windows.table(window, labelled_only=kind < 2, limit=limit)
    return rows_within(rows, site.policy.data.time, window, site.history.quarantined(site.model))


def _judged_until(policy: Policy, begun: Comparison, rows: _Rows) -> datetime | None:
    """The moment behind the newest labelled row so far."""
    newest = pc.max(rows.table[policy.data.time].filter(pa.array(rows.kind == 1))).as_py()
    return newest + timedelta(microseconds=1) if newest is not None else begun.judged_until


def _seconds(policy: Policy, rows: pa.Table) -> Floats:
    return seconds_of(rows[policy.data.time])


def _target(policy: Policy, rows: pa.Table) -> Floats:
    return np.asarray(pc.cast(rows[policy.data.target], pa.float64()).to_numpy(), dtype=np.float64)


# the versions -------------------------------------------------------------------------------------


def _release(site: Site, champion: str, end: datetime) -> Release | None:
    """The champion's newest release; one that nobody has recorded yet began within this look."""
    releases = site.history.releases(site.model)
    if not releases:
        return None
    if releases[-1].version != champion:
        return Release(end, champion, releases[-1].version)
    return releases[-1]


def _others(site: Site, release: Release, end: datetime) -> tuple[str, ...]:
    """The version whose place the champion took, and those of the last months before it."""
    served = [each.previous for each in reversed(site.history.releases(site.model)) if each.previous and each.at > end - _MONTHS]
    names = dict.fromkeys(name for name in (release.previous, *served) if name and name != release.version)
    return tuple(names)[:_RIVALS]


def _answers(site: Site, version: str, rows: pa.Table) -> Floats | None:
    """The version's answers, shape (n,): those that it gave when it served, and for the other rows
    those that it gives now. None when it cannot be asked.
    """
    given = _given(version, rows)
    open_rows = ~np.isfinite(given)
    if not open_rows.any():
        return given
    asked = ask_version(site, version, rows.filter(pa.array(open_rows)))
    if asked is None:
        return None
    given[open_rows] = asked
    return given


def _given(version: str, rows: pa.Table) -> Floats:
    answered = np.asarray(pc.fill_null(pc.equal(rows[MODEL_VERSION], version), False))
    values = np.asarray(pc.cast(rows[PREDICTION], pa.float64()).to_numpy(), dtype=np.float64)
    return np.where(answered, values, np.nan)


def _made_before(site: Site, comparison: Comparison, end: datetime) -> bool:
    """True when this accusation has led to an incident, and nothing graver is known since."""
    assert comparison.accusation is not None
    for incident in reversed(site.ledger.incidents(site.model)):
        if incident.opened_at < max(comparison.released_at, end - _SILENT):
            return False
        same = incident.alert == ALERT and incident.facts.get("version") == comparison.version
        if same and (incident.facts.get("harm") == comparison.accusation.harm or comparison.accusation.harm != "shown"):
            return site.ledger.closing(incident) is not None
    return False
