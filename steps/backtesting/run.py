"""The run of a backtest: one past, and the ways of running the model through it."""

import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from modelmedic.steps.backtesting.ageing import ageing_curve
from modelmedic.steps.backtesting.any_drift import any_drift
from modelmedic.steps.backtesting.hindsight import hindsight
from modelmedic.steps.backtesting.losses import price_of, row_losses, targets
from modelmedic.steps.backtesting.naive import every_window, frozen, weekly
from modelmedic.steps.backtesting.past import Past
from modelmedic.steps.backtesting.plan import ReplayPlan
from modelmedic.steps.backtesting.policy_loop import policy_loop
from modelmedic.steps.backtesting.replayed_site import ReplayedSite
from modelmedic.steps.backtesting.result import (
    ANY_DRIFT,
    EVERY_WINDOW,
    FROZEN,
    HINDSIGHT,
    POLICY,
    RULE_OF_THUMB,
    TITLES,
    WEEKLY,
    Backtest,
    PlayedWay,
)
from modelmedic.steps.backtesting.rule_of_thumb import rule_of_thumb
from modelmedic.steps.backtesting.scoring import labelled_rows, score_ways
from modelmedic.steps.backtesting.taught import TaughtModel, TaughtModels
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.inference_log import PREDICTION
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.window import Window, format_duration
from modelmedic.steps.core.statistics.metrics import HIGHER_IS_BETTER, loss_of
from modelmedic.steps.reporting.pictures.ageing import AgeingCurve
from modelmedic.steps.runtime.run import silent
from modelmedic.steps.training.process import in_this_process

Tell = Callable[[str, datetime], None]  # gets the way that is played, and the played time
_ANY_TIME = 1e9  # ms
_DEAR = frozenset({WEEKLY, RULE_OF_THUMB, HINDSIGHT})  # they train a model a week


def usual_ways(policy: Policy) -> tuple[str, ...]:
    """The ways that are played unless some are asked for: all with the built-in learner, which
    trains in about a second; else those that train few models.
    """
    return tuple(name for name in TITLES if policy.retrain.entrypoint == "builtin" or name not in _DEAR)


def backtest(
    past: Past,
    plan: ReplayPlan,
    *,
    approve: bool = True,
    ways: Collection[str] | None = None,
    say: Callable[[str], None] = silent,
    tell: Tell = lambda _name, _now: None,
) -> Backtest:
    """Play the ways, by their names in `result.TITLES`, `usual_ways` when there are none; frozen
    is always among them. Only a scratch folder is written, which is gone afterwards.

    Raises BadInput for a name that is no way's, or when the first champion cannot be trained, and
    Refused when that fails its gates.
    """
    policy = replayable(past.policy)
    past = replace(past, policy=policy)
    wanted = _known(usual_ways(policy) if ways is None else ways)
    process = in_this_process() if policy.retrain.entrypoint == "builtin" else nullcontext()
    with process, tempfile.TemporaryDirectory(prefix="modelmedic-backtest-") as scratch:
        stage = _staged(past, plan, Path(scratch), say, tell)
        played = tuple(_play(stage, name, approve) for name in wanted)
        calendar = stage.taught if {WEEKLY, HINDSIGHT} & set(wanted) else None
        ageing = ageing_curve(stage.healed, calendar) if POLICY in wanted else None
        return Backtest(
            model=policy.name,
            metric=policy.metric,
            loss=loss_of(policy.data.task),
            higher=policy.metric in HIGHER_IS_BETTER,
            bootstrap=plan.first,
            windows=plan.windows,
            rows=labelled_rows(past, plan.windows),
            lines=score_ways(past, plan.windows, played, stage.price),
            delay=format_duration(policy.data.labels.delay),
            notes=tuple(_notes(policy, plan, wanted, ageing)),
            cost=policy.retrain.price,
            ageing=ageing,
        )


@dataclass(frozen=True)
class _Stage:
    """The common ground of all ways: the first champion, the models of the calendar, and the price
    of a training as a sum of losses.
    """

    past: Past
    plan: ReplayPlan
    place: Path
    healed: ReplayedSite
    first: TaughtModel
    taught: TaughtModels
    price: float
    tell: Tell


def _staged(past: Past, plan: ReplayPlan, place: Path, say: Callable[[str], None], tell: Tell) -> _Stage:
    healed = ReplayedSite(past, plan, place / POLICY, say, lambda now: tell(POLICY, now))
    healed.bootstrap()
    asked = Window(plan.replay.start - past.policy.data.labels.delay, plan.replay.end)
    first = TaughtModel(plan.replay.start, past.places(asked).start, healed.ask("1")(past.between(asked)))
    replay = past.places(plan.replay)
    losses = row_losses(past.policy.data.task, targets(past)[replay], first.on(replay))
    price = price_of(past.policy.retrain.price, past, replay.start, losses)
    return _Stage(past, plan, place, healed, first, TaughtModels(past, place / "taught"), price, tell)


def _play(on: _Stage, name: str, approve: bool) -> PlayedWay:
    tell = partial(on.tell, name)
    if name == FROZEN:
        return frozen(on.past, on.plan, on.first)
    if name == WEEKLY:
        return weekly(on.past, on.plan, on.first, on.taught, tell)
    if name == EVERY_WINDOW:
        return every_window(on.past, on.plan, on.first, on.taught, tell)
    if name == RULE_OF_THUMB:
        return rule_of_thumb(on.past, on.plan, on.first, _expected(on.healed), on.taught, tell)
    if name == HINDSIGHT:
        return hindsight(on.past, on.plan, on.first, on.taught, on.price, tell)
    if name == ANY_DRIFT:
        past = replace(on.past, policy=on.past.policy.model_copy(update={"refresh": "off"}))  # age is no drift
        alarmed = ReplayedSite(past, on.plan, on.place / ANY_DRIFT, silent, tell)
        alarmed.adopt(on.healed)
        return any_drift(alarmed, on.place / "drift-models")
    return policy_loop(on.healed, approve=approve)


def _expected(site: ReplayedSite) -> float:
    """The loss of the first champion on its reference, which it was not trained on."""
    rows = site.site.references.table("1")
    data = site.site.policy.data
    target, answers = (np.asarray(pc.cast(rows[name], "float64").to_numpy(), dtype=np.float64) for name in (data.target, PREDICTION))
    return float(np.nanmean(row_losses(data.task, target, answers)))


def _known(ways: Collection[str]) -> tuple[str, ...]:
    strange = sorted(set(ways) - set(TITLES))
    if strange:
        raise BadInput(f"way {strange[0]!r} is none; expected some of {', '.join(TITLES)}")
    return tuple(name for name in TITLES if name in ways or name == FROZEN)


def _notes(policy: Policy, plan: ReplayPlan, played: Collection[str], ageing: AgeingCurve | None) -> Iterator[str]:
    price = policy.retrain.price
    if price:
        yield (
            f"A training costs {price:g} %-days: it pays if it lowers the loss by 1 % for {price:g} days, or by 10 % for {price / 10:g}. "
            "That is retrain.cost, or what retrain.risk stands for."
        )
    last = ageing.points[-1] if ageing is not None and ageing.points else None
    if last is not None and last.ageing is not None and last.interval is not None:
        yield f"By the end the model ages by {last.ageing:.2g} % of its loss a day, so that a training pays every {last.interval:.0f} days."
    if plan.weeks > 1 and {WEEKLY, HINDSIGHT} & set(played):
        yield f"The calendar looks every {plan.weeks} weeks, because the replay is longer than 150 weeks."
    left = [TITLES[name] for name in TITLES if name in _DEAR and name not in played]
    if left and policy.retrain.entrypoint != "builtin":
        yield f"Not played, because each trains about a model a week: {', '.join(left)} (--ways all plays them)."


def replayable(policy: Policy) -> Policy:
    """The policy without a bound on latency, which on a machine that is busy with a replay means
    nothing, and without keys, because the people of a replay cannot sign.
    """
    validation = policy.validation.model_copy(update={"latencyP95Ms": _ANY_TIME})
    approval = policy.approval.model_copy(update={"approvers": policy.approval.people, "signers": ()})
    return policy.model_copy(update={"validation": validation, "approval": approval})
