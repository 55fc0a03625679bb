"""The monitor's look at the ageing of the champion: what its age costs, against what a training
costs. Called by the monitor, which opens an incident when a training is due.

A look is made once a week by the model's time, and out of turn while a drift alarm holds. Weeks are
counted from the time up to which the champion learnt, so that it does not matter when the monitor
runs. At the first look the champion's own history is measured: models of its earlier parts, judged
on its later ones.
"""

import contextlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from modelmedic.steps.contracts.ageing import ALERT, Ageing, AgeingLook, PilotLoss
from modelmedic.steps.contracts.codec import to_plain
from modelmedic.steps.contracts.errors import BadInput, NotFound
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.keys import ageing_key
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.contracts.window import Window, format_duration
from modelmedic.steps.contracts.words import Remedy
from modelmedic.steps.core.decision.limits import objections
from modelmedic.steps.core.learning import rent
from modelmedic.steps.core.learning.rent import GAPS, WEEK
from modelmedic.steps.incidents.opening import open_incident
from modelmedic.steps.records.ageing_looks import answered, newest_look, trained_since
from modelmedic.steps.records.documents import keep
from modelmedic.steps.runtime.run import Site
from modelmedic.steps.runtime.versions import taught_until
from modelmedic.steps.training.pilot_weeks import PilotWeeks, measured_week, pilot_weeks, weeks_between

_DAY: Final = timedelta(days=1)
_WEEK: Final = WEEK * _DAY
_MOST_WEEKS: Final = 26  # that one look measures: those of the history at first, or of a monitor that was away
_YEAR: Final = 52  # weeks over which the usual loss is a mean


@dataclass(frozen=True, slots=True)
class _Taught:
    """The time up to which the champion learnt, and that of the last training, whatever became of
    it; by the times of rows.
    """

    champion: str
    since: datetime
    attempted: datetime


@dataclass(frozen=True, slots=True)
class _Measured:
    """The ageing at the end of the last whole week."""

    state: Ageing
    until: datetime
    weeks: int
    usual: float | None
    served: int
    loss: float | None = None
    pilots: tuple[PilotLoss, ...] = ()

    @property
    def level(self) -> float:
        return self.loss / self.usual if self.loss and self.usual else 1.0


def look(site: Site, champion: str, end: datetime, *, early: bool = False) -> AgeingLook | None:
    """The newest look at `end`, which is made now when its time has come; None where the policy's
    `refresh` is off. `early` says that a drift alarm holds.

    Raises BadInput for a feature that is no number.
    """
    if site.policy.refresh == "off":
        return None
    last, basis = newest_look(site.store, site.model, end), _basis(site.policy)
    if last is not None and last.basis == basis and not _is_time(site, last, end, early):
        return last
    made = _look_at_pilots(site, champion, end, last, early) if basis == "auto" else _look_at_calendar(site, champion, end, last)
    if last is not None and basis != "auto" and made.due == last.due and end < last.at + _WEEK:
        return last
    kept, written = keep(site.store, ageing_key(site.model, end), made)
    _note_look(site, kept)
    if written:
        site.say(f"ageing: {kept.sentence}")
    return kept


def note_look(site: Site, end: datetime) -> None:
    """Record the newest look, where whoever made it was killed before it did."""
    last = newest_look(site.store, site.model, end)
    if last is not None:
        _note_look(site, last)


def _note_look(site: Site, made: AgeingLook) -> None:
    key = ageing_key(site.model, made.at)
    site.once("ageing.measured", key, _facts(made), documents=[key], since=made.at)


def _basis(policy: Policy) -> str:
    return format_duration(policy.refresh) if isinstance(policy.refresh, timedelta) else policy.refresh


def _is_time(site: Site, last: AgeingLook, end: datetime, early: bool) -> bool:
    """True once another whole week is known; a day after the last look where an alarm holds; always
    where a look costs nothing.
    """
    if last.basis != "auto" or last.until is None:
        return end > last.at
    return _known(site, end) >= last.until + _WEEK or (early and end >= last.at + _DAY and not last.due)


def _known(site: Site, end: datetime) -> datetime:
    return end - site.policy.data.labels.delay


def _taught(site: Site, champion: str, end: datetime, last: AgeingLook | None) -> _Taught:
    """The champion's times. One that nobody recorded counts as taught when it was first seen; what
    an adopted one has cost before the first look at it was nobody's to save.
    """
    version = _version(site, champion)
    trained, seen = _trained(site, champion, version), last.since if last is not None and last.champion == champion else None
    first = _known(site, trained) if trained is not None else seen or _known(site, end)
    later = trained_since(site.ledger, site.model, first)
    until, attempted = taught_until(version), max(first, _known(site, later)) if later else first
    if until is None and _adopted(site, champion):
        begun = last.attempted if last is not None and last.champion == champion else None
        attempted = max(attempted, begun or _known(site, end))
    return _Taught(champion, min(until, first) if until is not None else first, attempted)


def _adopted(site: Site, champion: str) -> bool:
    return any(release.by == "adoption" for release in site.history.releases(site.model) if release.version == champion)


def _version(site: Site, version: str) -> ModelVersion | None:
    try:
        return site.registry.version(version)
    except NotFound:
        return None


def _trained(site: Site, name: str, version: ModelVersion | None) -> datetime | None:
    """The time at which a version was trained: the opening of its incident, else its first
    release.
    """
    with contextlib.suppress(NotFound, BadInput):  # an incident of somebody else's
        if version is not None and version.tags.get("incident"):
            return site.ledger.find(version.tags["incident"]).opened_at
    return min((release.at for release in site.history.releases(site.model) if release.version == name), default=None)


def _look_at_pilots(site: Site, champion: str, end: datetime, last: AgeingLook | None, early: bool) -> AgeingLook:
    known, taught = _known(site, end), _taught(site, champion, end, last)
    start = last.until if last is not None and last.until is not None else taught.attempted
    weeks = pilot_weeks(site, known, max(known - start, timedelta(0)) + _MOST_WEEKS * _WEEK, taught.since)
    begun = _unseen(weeks, taught)
    if last is not None and last.until is not None:
        begun = _Measured(last.state, last.until, last.weeks, last.usual, last.served)
    behind = max(int((known - begun.until) / _WEEK) - _MOST_WEEKS, 0)
    found = replace(begun, until=begun.until + behind * _WEEK)
    for span in weeks_between(found.until, known):
        found = _after(weeks, found, span, taught)
    if taught.attempted > found.until:
        found = replace(found, state=replace(found.state, paid=0.0))
    early = early and found.until + _DAY <= known
    shown = _after(weeks, found, Window(found.until, known), taught) if early else found
    return _said(site, end, taught, found, shown, early)


def _unseen(weeks: PilotWeeks, taught: _Taught) -> _Measured:
    """The beginning of the measured history: as many whole weeks before the champion as there are
    pilots for.
    """
    first = weeks.first
    number = min(max(int((taught.attempted - first) / _WEEK), 0), _MOST_WEEKS) if first is not None else 0
    return _Measured(rent.unseen(), taught.attempted - number * _WEEK, 0, None, 0)


def _after(weeks: PilotWeeks, before: _Measured, span: Window, taught: _Taught) -> _Measured:
    """The ageing after one span more; without rows only the time goes on."""
    age = min(max(round((span.start - taught.since) / _WEEK), 0), max(GAPS)) * WEEK
    pilots, loss = weeks.ask(span, age), weeks.answered(span)
    state = replace(before.state, paid=0.0) if span.start <= taught.attempted < span.end else before.state
    if not pilots:
        return replace(before, state=state, until=span.end)
    usual, served = _usual(before, loss), before.served + (loss is not None)
    now = _Measured(state, span.end, before.weeks + 1, usual, served, loss, pilots)
    rented = max((span.end - max(span.start, taught.attempted)) / _DAY, 0.0)
    week = measured_week(pilots, span, champion=age, rented=rented, level=now.level)
    return replace(now, state=rent.after(state, week))


def _usual(before: _Measured, loss: float | None) -> float | None:
    """The mean loss of the weeks served so far, those of the last year in the main."""
    if loss is None or before.usual is None:
        return loss if before.usual is None else before.usual
    return before.usual + (loss - before.usual) / min(before.served + 1, _YEAR)


def _said(site: Site, end: datetime, taught: _Taught, found: _Measured, shown: _Measured, early: bool) -> AgeingLook:
    price, state = site.policy.retrain.price, shown.state
    age = max((shown.until - taught.since) / _DAY, 0.0)
    made = AgeingLook(
        at=end,
        model=site.model,
        champion=taught.champion,
        due=found.weeks > 0 and rent.due(state, price, age, shown.level),
        sentence="",
        since=taught.since,
        attempted=taught.attempted,
        until=found.until,
        weeks=found.weeks,
        ageing=100 * rent.per_day(state) if found.weeks else None,
        error=100 * error if (error := rent.error(state)) is not None else None,
        paid=state.paid,
        price=price,
        interval=rent.interval(state, price) if found.weeks else None,
        level=shown.level if shown.loss else None,
        usual=found.usual,
        served=found.served,
        loss=shown.loss,
        early=early,
        pilots=shown.pilots,
        state=found.state,
    )
    return replace(made, sentence=_sentence(made, age, rent.cost(state, age, shown.level)))


def _sentence(made: AgeingLook, age: float, cost: float) -> str:
    if made.ageing is None or made.price is None:
        return "no week has been measured yet, because there are too few labelled rows for pilots"
    pace = f"its loss rises by {made.ageing:.2g} % a day of age"
    best = f", so every {made.interval:.0f} days would be the best interval" if made.interval is not None and made.ageing > 0 else ""
    if made.due:
        return f"in {age:.0f} days its age has cost {cost:.0f} %-days and a training costs {made.price:.0f}; {pace}{best}"
    return f"in {age:.0f} days its age has cost {cost:.0f} of the {made.price:.0f} %-days that a training costs; {pace}{best}"


def _look_at_calendar(site: Site, champion: str, end: datetime, last: AgeingLook | None) -> AgeingLook:
    """A look by the time or the number of rows that the policy's `refresh` states."""
    refresh, taught = site.policy.refresh, _taught(site, champion, end, last)
    if isinstance(refresh, timedelta):
        gone = _known(site, end) - taught.attempted
        due, sentence = gone >= refresh, f"the last training was {gone / _DAY:.0f} days ago; refresh is {format_duration(refresh)}"
    else:
        wanted = int(refresh.removesuffix(" rows"))
        span = Window(taught.attempted, max(_known(site, end), taught.attempted))
        rows = int(site.windows.table(span, labelled_only=True, limit=wanted).num_rows)
        due, sentence = rows >= wanted, f"{rows} labels are known since the last training; refresh is {refresh}"
    return AgeingLook(end, site.model, champion, due, sentence, _basis(site.policy), taught.since, taught.attempted)


def _facts(made: AgeingLook) -> dict[str, object]:
    plain: dict[str, object] = to_plain(made)
    return {name: plain[name] for name in ("champion", "weeks", "ageing", "error", "paid", "price", "interval", "due", "early", "sentence")}


def pays(site: Site, seen: AgeingLook, now: datetime) -> bool:
    """True when the look finds a training due, none was tried since, no incident was opened for it
    yet, and no limit speaks against one.
    """
    if not seen.due or answered(site.ledger, seen):
        return False
    return not objections(
        site.policy.limits,
        site.ledger.past_heals(site.model),
        now,
        remedy=Remedy.RETRAIN,
        open_heals=0,
        frozen=site.freezes.frozen(site.model),
        settle=site.policy.settle,
        due=True,
    )


def open_due(site: Site, seen: AgeingLook, window: Window) -> tuple[Incident, bool]:
    """The model's open incident, and True when this call opened it."""
    facts = {"sentence": seen.sentence, "look": str(to_plain(seen.at))}
    incident, opened = open_incident(site, window, ALERT, facts)
    if opened:
        site.say(f"incident {incident.id}: {seen.sentence}")
    return incident, opened
