"""The lines that the runner of backtests prints."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from modelmedic.steps.backtesting.result import FROZEN, POLICY, WEEKLY, Backtest, DeedCounts, WayLine
from modelmedic.steps.contracts.window import Window
from tests.benchmarks.real.backtests import means, said

START = datetime(2013, 3, 1, tzinfo=UTC)


def line(name: str, share: float | None, trainings: int, title: str = "") -> WayLine:
    return WayLine(
        name, title or name, (0.5,), (0.5,), 0.5, 0.5, DeedCounts(retrains=trainings, quarantined=3), share=share, calls_a_year=7.25
    )


def found(*lines: WayLine) -> Backtest:
    window = Window(START, START + timedelta(days=30))
    return Backtest("m", "auc", "log_loss", True, window, (window,), (10,), lines, cost=100.0)


def test_each_way_is_told_by_its_share_and_its_trainings() -> None:
    told = "\n".join(said("bikes", found(line(FROZEN, 0.0, 0), line(WEEKLY, 0.9, 12, "retrain every 2 weeks")), 3.0))
    assert "bikes: auc, 100 %-days, 1 windows from 2013-03-01 (3 s)" in told
    assert "retrain every 2 weeks" in told
    assert "0.9" in told
    assert "[12]" in told
    assert "the policy:" not in told


def test_what_the_policy_did_follows() -> None:
    told = "\n".join(said("air", found(replace(line(POLICY, None, 1), causes={"ageing": 2, "data_quality": 1})), 3.0))
    assert "3 quarantined" in told
    assert "7.2 calls for a person a year" in told
    assert "causes: ageing 2, data_quality 1" in told


def test_streams_with_nothing_to_win_are_left_out_of_the_mean() -> None:
    told = list(means({WEEKLY: [line(WEEKLY, 0.5, 1), line(WEEKLY, None, 1), line(WEEKLY, 1.0, 1)], FROZEN: [line(FROZEN, None, 0)]}))
    assert len(told) == 1
    assert told[0].startswith("mean of 2")
    assert "0.75, least 0.50" in told[0]
