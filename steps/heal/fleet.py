"""The limits over all models, looked at by each heal as it ends: the breaker over the fleet opens,
and people are told where the budget of the day is spent.
"""

from datetime import timedelta
from typing import Final

from modelmedic.steps.contracts.decision import PastHeal
from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.contracts.window import format_duration
from modelmedic.steps.core.decision.limits import counts_as_failure, failures_of_the_fleet, heals_of_a_day
from modelmedic.steps.runtime.run import Run

_DAY: Final = timedelta(days=1)


def look_at_the_fleet(run: Run, closing: Closing) -> None:
    """Open the breaker where the policy's limit is reached, and tell people of it and of a budget
    that this heal has spent. Running twice tells it twice, and opens nothing anew.
    """
    limits = run.site.policy.limits.fleet
    spans = [span for span in (limits.breaker and limits.breaker.within, _DAY if limits.healsPerDay else None) if span]
    if spans:
        heals = run.site.ledger.heals_since(closing.at - max(spans))
        _stop_all(run, closing, heals)
        _tell_of_budget(run, closing, heals)


def _stop_all(run: Run, closing: Closing, heals: tuple[PastHeal, ...]) -> None:
    fleet, policy = run.site.freezes.fleet, run.site.policy
    mine = next((heal for heal in heals if heal.incident == run.incident.id), None)
    if mine is None or not counts_as_failure(mine):
        return
    failed = failures_of_the_fleet(heals, policy.limits, fleet.reset_at(), closing.at)
    breaker = policy.limits.fleet.breaker
    if not failed or breaker is None:
        return
    names = ", ".join(heal.incident for heal in failed)
    reason = f"heals of {len(failed)} models failed within {format_duration(breaker.within)} ({names}); {breaker.models} stop all"
    stop = fleet.open(run.incident.id, tuple(heal.incident for heal in failed), reason)
    if stop.incident == run.incident.id:
        how = "`modelmedic freeze --all --lift --by NAME`"
        said = f"{stop.reason}. Nothing advances for any model until a person has looked and lifts it: {how}"
        run.tell("fleet.stopped", Severity.CRITICAL, policy.metadata.owner, "every model: the breaker over the fleet is open", said)
        run.once("fleet.stopped", "close", failures=stop.failures)


def _tell_of_budget(run: Run, closing: Closing, heals: tuple[PastHeal, ...]) -> None:
    budget, spent = run.site.policy.limits.fleet.healsPerDay, heals_of_a_day(heals, closing.at)
    if budget and len(spent) == budget and spent[-1].incident == run.incident.id:
        owner, until = run.site.policy.metadata.owner, f"{spent[0].at + _DAY:%Y-%m-%d %H:%MZ}"
        models = len({heal.model for heal in spent})
        said = f"{budget} heals of {models} models tried to change something within a day; no other begins until {until}"
        run.tell("fleet.budget_spent", Severity.WARNING, owner, "every model: the heals of the day are spent", said)
        run.once("fleet.budget_spent", "close", heals=[heal.incident for heal in spent])
