"""The run of a backtest: one past, and four ways of running the model through it."""

import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from modelmedic.steps.backtesting.any_drift import any_drift
from modelmedic.steps.backtesting.naive import every_window, frozen
from modelmedic.steps.backtesting.past import Past
from modelmedic.steps.backtesting.plan import ReplayPlan
from modelmedic.steps.backtesting.policy_loop import policy_loop
from modelmedic.steps.backtesting.replayed_site import ReplayedSite
from modelmedic.steps.backtesting.result import ANY_DRIFT, EVERY_WINDOW, POLICY, Backtest
from modelmedic.steps.backtesting.scoring import labelled_rows, score_way
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.window import format_duration
from modelmedic.steps.core.statistics.metrics import HIGHER_IS_BETTER, loss_of
from modelmedic.steps.runtime.run import silent
from modelmedic.steps.training.process import in_this_process

Tell = Callable[[str, datetime], None]  # gets the way that is played, and the played time
_ANY_TIME = 1e9  # ms


def _nobody(_name: str, _now: datetime) -> None:
    return


def _timeless(policy: Policy) -> Policy:
    """The policy without a bound on latency, which on a machine that is busy with a replay means
    nothing.
    """
    return policy.model_copy(update={"validation": policy.validation.model_copy(update={"latencyP95Ms": _ANY_TIME})})


def backtest(past: Past, plan: ReplayPlan, *, approve: bool = True, say: Callable[[str], None] = silent, tell: Tell = _nobody) -> Backtest:
    """Play all four ways. Only a scratch folder is written, which is gone afterwards.

    Raises BadInput when the first champion cannot be trained, and Refused when it fails its gates.
    """
    policy = _timeless(past.policy)
    past = replace(past, policy=policy)
    process = in_this_process() if policy.retrain.entrypoint == "builtin" else nullcontext()
    with process, tempfile.TemporaryDirectory(prefix="modelmedic-backtest-") as scratch:
        place = Path(scratch)
        healed = ReplayedSite(past, plan, place / POLICY, say, lambda now: tell(POLICY, now))
        healed.bootstrap()
        first = healed.ask("1")
        alarmed = ReplayedSite(past, plan, place / ANY_DRIFT, silent, lambda now: tell(ANY_DRIFT, now))
        alarmed.adopt(healed)
        played = (
            frozen(past, plan, first),
            every_window(past, plan, first, place / EVERY_WINDOW, lambda now: tell(EVERY_WINDOW, now)),
            any_drift(alarmed, place / "drift-models"),
            policy_loop(healed, approve=approve),
        )
        return Backtest(
            model=policy.name,
            metric=policy.metric,
            loss=loss_of(policy.data.task),
            higher=policy.metric in HIGHER_IS_BETTER,
            bootstrap=plan.first,
            windows=plan.windows,
            rows=labelled_rows(past, plan.windows),
            lines=tuple(score_way(past, plan.windows, one) for one in played),
            delay=format_duration(policy.data.labels.delay),
        )
