"""Broken data, as far as counts can tell, and nothing broken where nothing is."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from modelmedic.steps.contracts.detection import Problem, ProblemKind, Roles
from modelmedic.steps.core.detection.profile_quality import profile_problems
from modelmedic.steps.core.profiles.layout_choice import choose_layout
from modelmedic.steps.core.profiles.profiler import profile_table
from tests.data.log import DAY, START, policy, rows

Change = Callable[[pa.Table], pa.Table]
INCOME, AGE, REGION = 1, 2, 3


def found(change: Change, n: int = 3000) -> tuple[Problem, ...]:
    reference = rows(6000, seed=1, start=START - 14 * DAY, span=14 * DAY)
    layout = choose_layout(reference, policy().roles)
    return profile_problems(profile_table(layout, reference), profile_table(layout, change(rows(n, seed=2))))


def put(column: int, name: str, make: Callable[[np.ndarray], object]) -> Change:
    return lambda t: t.set_column(column, name, pa.array(make(t.column(column).to_numpy(zero_copy_only=False))))


def some(share: float, values: np.ndarray, instead: object) -> np.ndarray:
    return np.where(np.random.default_rng(3).random(len(values)) < share, instead, values)  # type: ignore[call-overload,no-any-return]


CASES: list[tuple[str, Change, ProblemKind, str | None]] = [
    ("missing", lambda t: t.drop_columns(["age"]), ProblemKind.MISSING_COLUMN, "age"),
    ("text", put(AGE, "age", lambda v: v.astype("U6")), ProblemKind.TYPE_CHANGED, "age"),
    ("half null", put(AGE, "age", lambda v: some(0.5, v, np.nan)), ProblemKind.NULL_JUMP, "age"),
    ("all null", lambda t: t.set_column(AGE, "age", pa.nulls(t.num_rows)), ProblemKind.NULL_JUMP, "age"),
    ("infinite", put(INCOME, "income", lambda v: some(0.02, v, np.inf)), ProblemKind.INFINITE, "income"),
    ("stuck", put(INCOME, "income", lambda v: some(0.6, v, v[0])), ProblemKind.CONSTANT, "income"),
    ("stuck outside of what was known", put(INCOME, "income", lambda v: some(0.6, v, -999.0)), ProblemKind.CONSTANT, "income"),
    ("constant", put(AGE, "age", lambda v: np.full(len(v), 50.0)), ProblemKind.CONSTANT, "age"),
    ("thousandfold", put(AGE, "age", lambda v: v * 1000), ProblemKind.UNIT_CHANGE, "age"),
    ("respelt", put(REGION, "region", lambda v: np.array([str(c).upper() for c in v])), ProblemKind.UNSEEN_CATEGORIES, "region"),
    ("twice", lambda t: pa.concat_tables([t, t.slice(0, 1500)]), ProblemKind.DUPLICATED_ROWS, None),
    (
        "stale",
        lambda t: t.set_column(0, "asked_at", pa.array([START] * t.num_rows, pa.timestamp("us", "UTC"))),
        ProblemKind.STALE,
        "asked_at",
    ),
]


@pytest.mark.parametrize(("change", "kind", "column"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_fault_is_named_with_its_column(change: Change, kind: ProblemKind, column: str | None) -> None:
    assert [(p.kind, p.column) for p in found(change)] == [(kind, column)]


def test_quiet_windows_have_no_problem() -> None:
    reference = rows(3000, seed=1)
    layout = choose_layout(reference, policy().roles)
    before = profile_table(layout, reference)
    assert not [p for seed in range(100, 200) for p in profile_problems(before, profile_table(layout, rows(500, seed=seed)))]


LEFT_TO_THE_ROWS: dict[str, Change] = {
    "inches": put(AGE, "age", lambda v: v / 2.54),
    "°F": put(AGE, "age", lambda v: v * 1.8 + 32),
    "one code": put(REGION, "region", lambda v: np.full(len(v), "west")),
    "one code in another spelling": put(REGION, "region", lambda v: np.where(v == "west", "West", v)),
    "a new code": put(REGION, "region", lambda v: some(0.1, v.astype("U16"), "north-by-northwest")),
}


@pytest.mark.parametrize("change", LEFT_TO_THE_ROWS.values(), ids=list(LEFT_TO_THE_ROWS))
def test_what_a_season_or_a_calendar_does_too_is_left_to_the_rows(change: Change) -> None:
    assert found(change) == ()


def test_a_month_is_not_stuck() -> None:
    def month(number: int, n: int) -> pa.Table:
        spread = np.arange(n) % number + 1 if number > 1 else np.full(n, 7)
        return pa.table({"month": spread.astype(np.float64), "x": np.random.default_rng(number).normal(size=n)})

    reference = month(12, 3000)
    layout = choose_layout(reference, Roles())
    assert profile_problems(profile_table(layout, reference), profile_table(layout, month(1, 500))) == ()


def test_a_shift_is_no_broken_data() -> None:
    assert found(lambda t: t.set_column(AGE, "age", pc.add(t["age"], 6.0))) == ()


def test_what_was_so_before_is_no_problem_now() -> None:
    reference = put(AGE, "age", lambda v: some(0.5, v, np.nan))(rows(3000, seed=1))
    layout = choose_layout(reference, policy().roles)
    current = put(AGE, "age", lambda v: some(0.5, v, np.nan))(rows(3000, seed=2))
    assert profile_problems(profile_table(layout, reference), profile_table(layout, current)) == ()


def test_rare_codes_that_were_never_met_are_expected_where_there_are_many() -> None:
    random = np.random.default_rng(5)

    def table(n: int) -> pa.Table:
        return pa.table({"zip": random.zipf(1.3, n).clip(max=3000).astype("U4"), "x": random.normal(size=n)})

    reference = table(1500)
    layout = choose_layout(reference, Roles(categorical=("zip",)))
    assert profile_problems(profile_table(layout, reference), profile_table(layout, table(800))) == ()
