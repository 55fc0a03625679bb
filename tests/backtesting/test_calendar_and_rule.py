"""Calendars and the rule of thumb on a past whose law turns, with a learner that answers the mean
of its labels.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from modelmedic.steps.backtesting.hindsight import hindsight
from modelmedic.steps.backtesting.models import Floats
from modelmedic.steps.backtesting.naive import every_window, weekly
from modelmedic.steps.backtesting.past import Past, read_past
from modelmedic.steps.backtesting.plan import ReplayPlan, plan_replay, spread
from modelmedic.steps.backtesting.result import PlayedWay
from modelmedic.steps.backtesting.rule_of_thumb import rule_of_thumb
from modelmedic.steps.backtesting.taught import TaughtModel, TaughtModels
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.window import Window
from tests.benchmarks.backtest.streams import policy

START, DAY = datetime(2024, 1, 1, tzinfo=UTC), timedelta(days=1)
RULES = Policy.model_validate(
    {**policy("mean", "regression").model_dump(mode="json", by_alias=True), "retrain": {"history": "28d"}, "detect": {"window": "14d"}}
)


def past(level: Callable[[Floats], Floats], days: int = 200, gap: tuple[int, int] = (0, 0)) -> Past:
    """Ten rows a day whose labels are the day's level and noise."""
    day = np.repeat(np.arange(days), 10) + np.tile(np.arange(10) / 10, days)
    day = day[(day < gap[0]) | (day >= gap[1])]
    rng = np.random.default_rng(0)
    features = {name: rng.normal(size=len(day)) for name in ("load", "rate", "amount", "warmth", "noise")}
    at = pa.array((int(START.timestamp() * 1e6) + day * 86_400e6).astype(np.int64), pa.timestamp("us", tz="UTC"))
    label = level(day) + rng.normal(size=len(day))
    return read_past(RULES, pa.table({"at": at, **features, "kind": ["red"] * len(day), "label": label}))


def mean_of(_policy: Policy, rows: pa.Table, _place: Path) -> Callable[[pa.Table], Floats]:
    mean = float(np.mean(rows["label"].to_numpy()))
    return lambda asked: np.full(asked.num_rows, mean)


def trained(history: Past) -> TaughtModels:
    return TaughtModels(history, Path("unused"), mean_of)


def first_of(history: Past, plan: ReplayPlan, answer: float) -> TaughtModel:
    asked = history.places(Window(plan.replay.start - RULES.data.labels.delay, plan.replay.end))
    return TaughtModel(plan.replay.start, asked.start, np.full(asked.stop - asked.start, answer))


def quietly(_now: datetime) -> None:
    return


def ruled(history: Past, plan: ReplayPlan, expected: float = 1.0) -> PlayedWay:
    return rule_of_thumb(history, plan, first_of(history, plan, 0.0), expected, trained(history), quietly)


def test_week_by_week_a_model_of_the_last_history_serves() -> None:
    history = past(lambda day: day)
    plan = plan_replay(RULES, history.span, 0.3)
    played = weekly(history, plan, first_of(history, plan, 0.0), trained(history), quietly)
    assert played.counts.retrains == len(plan.looks) - 1
    assert [deed.at for deed in played.deeds] == [plan.replay.start + 7 * DAY * (n + 1) for n in range(len(plan.looks) - 1)]
    second = history.places(Window(plan.looks[1], plan.looks[2])).start - history.places(plan.replay).start
    known = (plan.looks[1] - START) / DAY - 2  # the labels' delay
    assert played.answers[second] == pytest.approx(known - 14, abs=0.5)  # the middle of 28 days


def test_calendars_share_the_models_of_one_moment() -> None:
    history = past(lambda day: day)
    plan = plan_replay(RULES, history.span, 0.3, 14 * DAY)
    asked: list[int] = []

    def counted(rules: Policy, rows: pa.Table, place: Path) -> Callable[[pa.Table], Floats]:
        asked.append(rows.num_rows)
        return mean_of(rules, rows, place)

    models = TaughtModels(history, Path("unused"), counted)
    for way in (weekly, every_window):
        way(history, plan, first_of(history, plan, 0.0), models, quietly)
    hindsight(history, plan, first_of(history, plan, 0.0), models, 1.0, quietly)
    assert len(asked) == len(plan.looks) - 1


def test_rule_leaves_a_model_alone_that_is_as_good_as_it_was_until_it_is_old() -> None:
    history = past(lambda day: np.zeros(len(day)))
    plan = plan_replay(RULES, history.span, 0.3)
    assert all(deed.at >= plan.replay.start + 60 * DAY for deed in ruled(history, plan, expected=2.0).deeds)


def test_rule_serves_what_is_better_on_rows_that_taught_neither() -> None:
    history = past(lambda day: 5.0 * (day >= 120))
    plan = plan_replay(RULES, history.span, 0.4)
    played = ruled(history, plan)
    turned = START + 120 * DAY
    served = [deed.at for deed in played.deeds if deed.at >= turned]
    assert served[0] <= turned + 35 * DAY  # a window of labels to learn from, and one to judge by
    assert played.answers[-1] > 2.5  # half of its history is from before the turn, and it expects no better of itself
    assert played.counts.retrains == played.counts.promotions + played.counts.rejected


def test_hindsight_trains_where_it_pays_alone() -> None:
    history = past(lambda day: 5.0 * (day >= 120))
    plan = plan_replay(RULES, history.span, 0.4)
    played = hindsight(history, plan, first_of(history, plan, 0.0), trained(history), 50.0, quietly)
    assert all(START + 120 * DAY <= deed.at <= START + 160 * DAY for deed in played.deeds)
    assert 1 <= len(played.deeds) <= 5
    assert hindsight(history, plan, first_of(history, plan, 0.0), trained(history), 1e9, quietly).deeds == []


def test_months_without_rows_train_nothing_and_end_nothing() -> None:
    history = past(lambda day: np.zeros(len(day)), gap=(90, 160))
    plan = plan_replay(RULES, history.span, 0.3)
    rows = history.between(plan.replay).num_rows
    calendar = weekly(history, plan, first_of(history, plan, 0.0), trained(history), quietly)
    assert len(calendar.answers) == len(ruled(history, plan).answers) == rows
    assert calendar.counts.escalated > 0  # looks at which fewer than 50 labels were known
    assert len(hindsight(history, plan, first_of(history, plan, 0.0), trained(history), 1.0, quietly).answers) == rows


def test_training_that_fails_leaves_the_model_before_in_place() -> None:
    history = past(lambda day: day)
    plan = plan_replay(RULES, history.span, 0.3)

    def failing(_policy: Policy, _rows: pa.Table, _place: Path) -> Callable[[pa.Table], Floats]:
        raise BadInput("no model came of it")

    played = weekly(history, plan, first_of(history, plan, 7.0), TaughtModels(history, Path("unused"), failing), quietly)
    assert (played.answers == 7.0).all()
    assert played.counts.escalated == len(plan.looks) - 1


def test_long_replay_is_looked_at_less_often() -> None:
    assert spread(150 * 7 * DAY, 7 * DAY) == 1
    assert spread(151 * 7 * DAY, 7 * DAY) == 2
    assert spread(10 * 365 * DAY, 7 * DAY) == 4
