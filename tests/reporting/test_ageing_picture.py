"""The picture of a model's ageing says what age cost, what trainings won, and is harmless."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from modelmedic.steps.reporting.pictures.ageing import AgeingCurve, AgePoint, TrainingMark, ageing, sentence
from tests.reporting.page import Seen, harmless

START, DAY = datetime(2024, 1, 1, tzinfo=UTC), timedelta(days=1)
LOOKS = tuple(AgePoint(START + 7 * n * DAY, 10.0 * (n % 5), 0.2, 0.05, 30.0 - n) for n in range(1, 16))
TRAININGS = (
    TrainingMark(START + 35 * DAY, "2", 150.0, 0.5, 0.45),
    TrainingMark(START + 70 * DAY, "<script>3", -20.0, 0.5, 0.52),
)
CURVE = AgeingCurve(START, START + 105 * DAY, 40.0, LOOKS, TRAININGS)


def of_class(seen: Seen, name: str) -> list[dict[str, str | None]]:
    return [given for _, given in seen.tags if given.get("class") == name]


def heights(given: dict[str, str | None]) -> list[float]:
    return [float(y) for _, y in re.findall(r"([\d.]+) ([\d.]+)", given["d"] or "")]


def test_cost_rises_from_nothing_after_each_training_and_ends_at_the_next() -> None:
    seen = Seen(str(ageing(CURVE)))
    harmless(seen)
    runs = [heights(each) for each in of_class(seen, "age-line")]
    assert len(runs) == 1 + len(TRAININGS)
    assert len({run[0] for run in runs}) == 1
    assert all(run[1] <= run[0] for run in runs)  # heights are counted from the top


def test_training_that_won_its_price_is_told_from_one_that_lost() -> None:
    seen = Seen(str(ageing(CURVE)))
    assert len(of_class(seen, "won-bar")) == len(of_class(seen, "lost-bar")) == 1
    assert not of_class(seen, "kept-bar")
    assert "it won 150 %-days for a price of 40" in seen.words
    assert "it lost 0.4500, the version before 0.5000" in seen.words


def test_sentence_says_what_was_won_for_which_price_and_the_interval_that_follows() -> None:
    said = sentence(CURVE)
    assert "2 trainings from 1 Jan 2024" in said
    assert "won 130 %-days of the loss for a price of 80" in said
    assert "a training pays every 15 days" in said


def test_what_nobody_measured_is_not_drawn() -> None:
    assert ageing(AgeingCurve(START, START, 100.0)) is None
    assert ageing(replace(CURVE, points=LOOKS[:1])) is None
    bare = replace(CURVE, points=tuple(AgePoint(each.at, each.paid) for each in LOOKS), trainings=())
    seen = Seen(str(ageing(bare)))
    assert not of_class(seen, "age-interval")
    assert not of_class(seen, "won-bar")
    assert sentence(bare) == "0 trainings from 1 Jan 2024 to 15 Apr 2024."


def test_what_turned_out_stands_in_where_the_loop_measured_nothing() -> None:
    known = replace(CURVE, points=(), known=LOOKS)
    assert len(of_class(Seen(str(ageing(known))), "age-line")) == 3
    both = Seen(str(ageing(replace(CURVE, known=tuple(replace(each, paid=-5.0) for each in LOOKS)))))
    assert len(of_class(both, "age-known")) == len(of_class(both, "age-line")) == 3


def test_cost_that_turned_out_far_dearer_leaves_the_picture_and_is_written() -> None:
    """The line of the loop's own looks stays readable, and nothing is hidden."""
    dear = tuple(replace(each, paid=1_000.0 * n) for n, each in enumerate(LOOKS))
    seen = Seen(str(ageing(replace(CURVE, known=dear, trainings=()))))
    assert "↑ to 14" in seen.words
    (kept,) = of_class(seen, "age-known")
    assert len(heights(kept)) < len(LOOKS)
    (measured,) = of_class(seen, "age-line")
    assert max(heights(measured)) - min(heights(measured)) > 20
