"""The limits on advancing: objections to a remedy now. Retreating, quarantine and asking a person
are never held back.

A past heal counts by its outcome:

| outcome                  | budget | cooldown | settle | patience | breaker |
|--------------------------|--------|----------|--------|----------|---------|
| healed                   | yes    | yes      | yes    |          |         |
| rolled back              |        | yes      | yes    |          |         |
| withdrawn                | yes    | yes      |        |          | yes     |
| withdrawn, not judged    | yes    | yes      |        |          |         |
| rejected                 | yes    |          |        | yes      |         |
| any, ended by an error   | yes    | yes      |        |          | yes     |

A rejection is the gate doing its work, no failure; it spent a training all the same. The next
challenger would be taught by nearly the same rows and judged by nearly the same labels, so asking
again at once is the same question asked twice, and asked often enough, chance passes it. Patience
waits until the labels to judge by are new ones (settle time: window + label delay), and twice as
long from the third rejection in a row on. A withdrawn canary was seen by users: that is a failure,
unless it is taken back because too few asked it to tell.
Settling is about which model the data in the window speaks of, so it follows a change of the
champion alone. A pod that was lost to its node is retried by the engine and closes no incident, so
it cannot open the breaker.
"""

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta

from modelmedic.steps.contracts.control import FreezeOrder
from modelmedic.steps.contracts.decision import Objection, PastHeal
from modelmedic.steps.contracts.policy import Limits
from modelmedic.steps.contracts.window import format_duration
from modelmedic.steps.contracts.words import Outcome, Remedy
from modelmedic.steps.core.decision.turns import at_cap

ADVANCING = frozenset({Remedy.RETRAIN, Remedy.RECALIBRATE})
_WEEK = timedelta(days=7)
_DAY = timedelta(days=1)
_PATIENCE = (1, 1, 2)  # settle times after the first, the second and every later rejection in a row


def objections(
    limits: Limits,
    history: tuple[PastHeal, ...],
    now: datetime,
    *,
    remedy: Remedy,
    open_heals: int,
    frozen: FreezeOrder | None,
    settle: timedelta,
    due: bool = False,
    price: str = "",
    ahead: int = 0,
    since: datetime | None = None,
    fleet: tuple[PastHeal, ...] = (),
    advancing: int = 0,
) -> tuple[Objection, ...]:
    """Every limit that forbids the remedy now, the hardest to wait out first; none for a remedy
    that does not advance, but the price where a person would be asked for want of evidence.

    A training that is `due`, because the champion's age has cost its price, waits neither for
    windows to settle nor for patience: the price is paid anew after each attempt. `price` says why
    a training would not pay yet; empty when it would, or when that is not known.

    `history` is the model's own, in any order; `open_heals` counts the other heals under way over
    all models of the store, `ahead` those that wait and have their turn first, and this one waits
    `since` then, or from now on; `settle` is the policy's computed settle time (window + label
    delay). `fleet` are the heals of all models that ended in the last day, and `advancing` counts
    those of other models that train or deploy now.
    """
    if remedy not in ADVANCING:
        return (Objection("price", price),) if price and remedy is Remedy.ESCALATE else ()
    heals = tuple(sorted(history, key=lambda heal: heal.at))
    return (
        *_freeze(limits, now, frozen),
        *_breaker(limits, heals, now),
        *_budget(limits, heals, now),
        *_fleet_budget(limits, fleet, advancing, now),
        *(() if due else _settle(settle, heals, now)),
        *_cooldown(limits, heals, now),
        *(() if due else _patience(settle, heals, now)),
        *([Objection("price", price)] if price else ()),
        *([full] if (full := at_cap(open_heals, ahead, limits.concurrentHeals, since or now, limits.maxWait, now)) else ()),
    )


def counts_as_failure(heal: PastHeal) -> bool:
    """True for a heal that counts against the breaker."""
    return heal.by_error or (heal.outcome is Outcome.WITHDRAWN and heal.judged)


def spends_budget(heal: PastHeal) -> bool:
    """True for a heal that counts against the budget."""
    return heal.by_error or heal.outcome in (Outcome.HEALED, Outcome.WITHDRAWN, Outcome.REJECTED)


def touches_serving(heal: PastHeal) -> bool:
    """True for a heal that changed, or may have changed, what serves."""
    return heal.by_error or heal.outcome in (Outcome.HEALED, Outcome.WITHDRAWN, Outcome.ROLLED_BACK)


def replaces_champion(heal: PastHeal) -> bool:
    """True for a heal after which another model serves."""
    return heal.outcome in (Outcome.HEALED, Outcome.ROLLED_BACK)


def rejections_in_a_row(history: tuple[PastHeal, ...]) -> tuple[PastHeal, ...]:
    """The rejections in a row, the newest first; a heal that changed the champion in between starts
    the count anew. `history` is oldest first.
    """
    asked = (heal for heal in reversed(history) if spends_budget(heal) or replaces_champion(heal))
    return tuple(itertools.takewhile(lambda heal: heal.outcome is Outcome.REJECTED, asked))


def _freeze(limits: Limits, now: datetime, order: FreezeOrder | None) -> Iterator[Objection]:
    if order is not None and order.holds(now):
        yield Objection("freeze", order.sentence, order.until)
    for freeze in limits.freeze:
        if now in freeze.window():
            reason = freeze.reason or "no reason given"
            yield Objection("freeze", f"the policy's limits.freeze holds until {_time(freeze.end)}: {reason}", freeze.end)


def _breaker(limits: Limits, heals: tuple[PastHeal, ...], now: datetime) -> Iterator[Objection]:
    allowed, within = limits.breaker.failures, limits.breaker.within
    failures = [heal for heal in heals if counts_as_failure(heal) and heal.at > now - within]
    if len(failures) >= allowed:
        until = failures[-allowed].at + within
        last = failures[-1].incident
        yield Objection(
            "breaker",
            f"the breaker is open until {_time(until)}: {len(failures)} heals failed within {format_duration(within)}, "
            f"the last one {last}; {allowed} open it",
            until,
        )


def _budget(limits: Limits, heals: tuple[PastHeal, ...], now: datetime) -> Iterator[Objection]:
    budget = limits.healsPerWeek
    recent = [heal for heal in heals if spends_budget(heal) and heal.at > now - _WEEK]
    if len(recent) >= budget:
        until = recent[-budget].at + _WEEK if budget else None
        when = f" until {_time(until)}" if until else ""
        yield Objection("budget", f"the budget is spent{when}: {len(recent)} of {budget} heals a week", until)


def _fleet_budget(limits: Limits, heals: tuple[PastHeal, ...], advancing: int, now: datetime) -> Iterator[Objection]:
    """What trains or deploys now counts as well: it spends the budget when it ends."""
    budget = limits.fleet.healsPerDay
    recent = heals_of_a_day(heals, now)
    if budget is not None and len(recent) + advancing >= budget:
        until = recent[-budget].at + _DAY if 0 < budget <= len(recent) else None
        when = f" until {_time(until)}" if until else ""
        under_way = f" and {advancing} under way" if advancing else ""
        yield Objection(
            "fleet", f"the budget over all models is spent{when}: {len(recent)}{under_way} of {budget} heals a day (limits.fleet)", until
        )


def heals_of_a_day(fleet: tuple[PastHeal, ...], now: datetime) -> tuple[PastHeal, ...]:
    """The heals that spend the budget of this day, oldest first."""
    return tuple(sorted((heal for heal in fleet if spends_budget(heal) and now - _DAY < heal.at <= now), key=lambda heal: heal.at))


def failures_of_the_fleet(fleet: tuple[PastHeal, ...], limits: Limits, since: datetime | None, now: datetime) -> tuple[PastHeal, ...]:
    """The newest failed heal of each model, oldest first, where so many models failed that the
    breaker over the fleet opens; else none. Only failures after `since` count, when a person last
    let every model go on.
    """
    breaker = limits.fleet.breaker
    if breaker is None:
        return ()
    start = max(now - breaker.within, since) if since else now - breaker.within
    newest = {heal.model: heal for heal in sorted(fleet, key=lambda heal: heal.at) if counts_as_failure(heal) and start < heal.at <= now}
    return tuple(sorted(newest.values(), key=lambda heal: heal.at)) if len(newest) >= breaker.models else ()


def _settle(settle: timedelta, heals: tuple[PastHeal, ...], now: datetime) -> Iterator[Objection]:
    last = next((heal for heal in reversed(heals) if replaces_champion(heal)), None)
    if last is not None and now < last.at + settle:
        until = last.at + settle
        yield Objection(
            "settle",
            f"{last.incident} changed the champion at {_time(last.at)}, and until {_time(until)} the window holds older data "
            f"(settle time {format_duration(settle)})",
            until,
        )


def _cooldown(limits: Limits, heals: tuple[PastHeal, ...], now: datetime) -> Iterator[Objection]:
    last = next((heal for heal in reversed(heals) if touches_serving(heal)), None)
    if last is not None and now < last.at + limits.cooldown:
        until = last.at + limits.cooldown
        yield Objection(
            "cooldown",
            f"{last.incident} acted at {_time(last.at)}, and the cooldown of {format_duration(limits.cooldown)} ends at {_time(until)}",
            until,
        )


def _patience(settle: timedelta, heals: tuple[PastHeal, ...], now: datetime) -> Iterator[Objection]:
    row = rejections_in_a_row(heals)
    if not row:
        return
    until = row[0].at + settle * _PATIENCE[min(len(row), len(_PATIENCE)) - 1]
    if now < until:
        yield Objection(
            "patience",
            f"{row[0].incident} was rejected at {_time(row[0].at)} ({len(row)} in a row); until {_time(until)} another challenger "
            "would be trained and judged on much the same rows",
            until,
        )


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%MZ}"
