"""What is normal is learnt from the stream's own past: seasons, calendars, grids and news are no
faults, and faults are.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from modelmedic.steps.contracts.detection import Roles
from modelmedic.steps.contracts.diagnosis import Context, Diagnosis
from modelmedic.steps.contracts.words import Cause, Task
from modelmedic.steps.core.diagnosis.diagnosis import find_cause
from modelmedic.steps.core.quality.calendar import clockwork
from modelmedic.steps.core.quality.doubt import rows_in_doubt
from modelmedic.steps.core.quality.past import Past, past_of, surprise
from modelmedic.steps.core.tables.pairing import pair
from tests.worlds.stream import FORTNIGHT, ROLES, hours, table

Columns = dict[str, np.ndarray]
Change = Callable[[Columns, slice], None]
ACCUSED = {Cause.DATA_QUALITY, Cause.LABEL_QUALITY, Cause.BAD_RELEASE}
NOW = 36 * 7 * 24


def diagnosed(change: Change | None = None, now: int = NOW, windows: int = 14) -> Diagnosis:
    columns = hours()
    if change is not None:
        change(columns, slice(now, now + FORTNIGHT))
    past, current = table(columns, now - windows * FORTNIGHT, now), table(columns, now, now + FORTNIGHT)
    return find_cause(table(columns, now - 3 * FORTNIGHT, now), current, ROLES, Context(), past)


def past(windows: int = 14) -> Past:
    columns = hours()
    found = past_of(pair(table(columns, NOW - windows * FORTNIGHT, NOW), table(columns, NOW, NOW + FORTNIGHT), ROLES))
    assert found is not None
    return found


@pytest.mark.parametrize("week", [16, 20, 24, 28, 32, 36, 38])
def test_the_seasons_of_a_year_are_no_fault(week: int) -> None:
    found = diagnosed(now=week * 7 * 24, windows=min(14, week // 2))
    assert found.cause not in ACCUSED, found.sentence


@pytest.mark.parametrize("week", [12, 20, 28, 36])
def test_a_reference_alone_is_a_past_too(week: int) -> None:
    columns, now = hours(), week * 7 * 24
    found = find_cause(table(columns, now - 5 * FORTNIGHT, now), table(columns, now, now + FORTNIGHT), ROLES, Context())
    assert found.cause not in ACCUSED, found.sentence


def put(name: str, make: Callable[[np.ndarray], object]) -> Change:
    def change(columns: Columns, rows: slice) -> None:
        columns[name] = columns[name].astype(object if name == "sky" else np.float64)
        columns[name][rows] = make(columns[name][rows])

    return change


BROKEN: dict[str, tuple[Change, str]] = {
    "nulls": (put("wind", lambda v: np.where(np.arange(len(v)) % 5 == 0, np.nan, v)), "wind"),
    "stuck": (put("temp", lambda v: np.full(len(v), v[0])), "temp"),
    "another unit": (put("temp", lambda v: v * 1.8 + 32), "temp"),
    "a default": (put("temp", lambda v: np.where(np.arange(len(v)) % 4 == 0, -999.0, v)), "temp"),
    "spikes": (put("temp", lambda v: np.where(np.arange(len(v)) % 20 == 0, 4000.0, v)), "temp"),
    "noise": (put("temp", lambda v: v + np.random.default_rng(1).normal(size=len(v)) * 12), "temp"),
    "respelt": (put("sky", lambda v: np.array([str(c).upper() for c in v])), "sky"),
    "another time zone": (put("hour", lambda v: (v + 5) % 24), "hour"),
}


@pytest.mark.parametrize(("change", "column"), BROKEN.values(), ids=list(BROKEN))
def test_a_broken_column_is_named(change: Change, column: str) -> None:
    found = diagnosed(change)
    assert (found.cause, found.columns[:1]) == (Cause.DATA_QUALITY, (column,)), found.sentence


def test_a_feed_that_broke_before_the_window_is_broken_still() -> None:
    """Half of a column's values have been lost for as long as the log goes back, unlike in the
    reference, and nobody was told.
    """
    columns = hours()
    reference = table(columns, NOW - 17 * FORTNIGHT, NOW - 14 * FORTNIGHT)
    put("wind", lambda v: np.where(np.arange(len(v)) % 2 == 0, np.nan, v))(columns, slice(NOW - 10 * FORTNIGHT, NOW + FORTNIGHT))
    current = table(columns, NOW, NOW + FORTNIGHT)
    for windows in (1, 10):
        found = find_cause(reference, current, ROLES, Context(), table(columns, NOW - windows * FORTNIGHT, NOW))
        assert (found.cause, found.columns[:1]) == (Cause.DATA_QUALITY, ("wind",)), found.sentence


def test_a_new_code_beside_the_old_ones_is_news() -> None:
    found = diagnosed(put("sky", lambda v: np.where(np.arange(len(v)) % 20 == 0, "hail", v)))
    assert found.cause not in ACCUSED, found.sentence


LABELS: dict[str, Change] = {
    "shuffled": put("y", lambda v: np.random.default_rng(2).permutation(v)),
    "constant": put("y", lambda v: np.full(len(v), 0.0)),
    "in another unit": put("y", lambda v: v * 3.6),
    "half turned round": put("y", lambda v: np.where(np.arange(len(v)) % 2 == 0, 900 - v, v)),
}


@pytest.mark.parametrize("change", LABELS.values(), ids=list(LABELS))
def test_broken_labels_are_never_learnt_from(change: Change) -> None:
    found = diagnosed(change)
    assert found.cause is Cause.LABEL_QUALITY, found.sentence


def since_the_middle(change: Callable[[np.ndarray], np.ndarray]) -> Change:
    return put("y", lambda v: np.concatenate([v[: len(v) // 2], change(v[len(v) // 2 :])]))


IN_THE_MIDDLE: dict[str, Change] = {
    "shuffled": since_the_middle(np.random.default_rng(2).permutation),
    "late": since_the_middle(lambda v: np.roll(v, 7)),
    "turned round": since_the_middle(lambda v: 900 - v),
}


@pytest.mark.parametrize("change", IN_THE_MIDDLE.values(), ids=list(IN_THE_MIDDLE))
def test_labels_that_break_within_the_window_are_never_learnt_from(change: Change) -> None:
    found = diagnosed(change)
    assert found.cause is Cause.LABEL_QUALITY, found.sentence


def test_labels_of_the_row_before_are_told_where_rows_are_unlike_their_neighbours() -> None:
    """Rows of many shops in turn, as they come; the label of each arrives with the next one's."""
    random, count = np.random.default_rng(5), 4000
    at = np.arange(count) * 60.0
    size = random.normal(size=count)
    y = 3 * size + random.normal(size=count) / 10
    y[3500:] = np.roll(y[3500:], 1)
    rows = pa.table({"at": pa.array((at * 1e6).astype(np.int64), pa.timestamp("us", "UTC")), "size": size, "y": y})
    roles = Roles(task=Task.REGRESSION, target="y", time="at", features=("size",))
    found = find_cause(rows.slice(2500, 1000), rows.slice(3500), roles, Context(), rows.slice(0, 3500))
    assert found.cause is Cause.LABEL_QUALITY, found.sentence
    assert "of 1 row before" in found.sentence


def test_a_law_that_turns_within_the_window_is_the_worlds() -> None:
    """Half of the window follows the old law and half the new one, so that over the whole of it the
    labels follow neither.
    """

    def turn(columns: Columns, rows: slice) -> None:
        late = slice(rows.start + FORTNIGHT // 2, rows.stop)
        hour, temp, wind = (columns[name][late] for name in ("hour", "temp", "wind"))
        noise = np.random.default_rng(3).normal(size=len(hour)) * 20
        columns["y"][late] = np.round(np.maximum(420 - 15 * temp + 12 * wind - 80 * np.sin(2 * np.pi * (hour - 6) / 24) + noise, 0))

    found = diagnosed(turn)
    assert found.cause is Cause.CONCEPT_DRIFT, found.sentence


def test_a_level_that_rises_by_a_sixth_is_the_worlds() -> None:
    found = diagnosed(put("y", lambda v: np.round(v * 1.17)))
    assert found.cause not in ACCUSED, found.sentence


def test_columns_of_the_clock_are_told_from_the_data() -> None:
    clock = clockwork(past())
    assert clock.phases == {"hour": "hour", "month": "month"}
    assert clock.counters == {"row"}


def test_a_short_past_believes_only_what_is_overwhelming() -> None:
    few, many = past(4), past(14)
    for found in (few, many):
        assert surprise(found, np.linspace(0, 1, found.blocks), 1.05) > 0.01
    spread = [0.1, -0.1, 0.05, 0.0] * 4
    assert surprise(few, np.array(spread[: few.blocks]), 1.0) > surprise(many, np.array(spread[: many.blocks]), 1.0)


def test_what_trends_is_differenced() -> None:
    found = past()
    trend = np.arange(found.blocks, dtype=np.float64)
    assert surprise(found, trend, float(found.blocks)) > 0.1
    assert surprise(found, trend % 2, float(found.blocks)) < 1e-4


def test_rows_in_doubt_are_those_that_are_broken() -> None:
    columns = hours()
    columns["temp"][NOW : NOW + 100] = np.nan
    rows = table(columns, 0, NOW + FORTNIGHT)
    doubtful = rows_in_doubt(rows, ROLES, columns["at"][: rows.num_rows], FORTNIGHT * 3600.0)
    assert doubtful[NOW : NOW + 100].all()
    assert doubtful.sum() == 100


def test_a_column_that_people_trust_is_in_no_doubt() -> None:
    columns = hours()
    columns["temp"][NOW : NOW + 100] = np.nan
    rows = table(columns, 0, NOW + FORTNIGHT)
    assert not rows_in_doubt(rows, ROLES, columns["at"][: rows.num_rows], FORTNIGHT * 3600.0, {"temp"}).any()


def test_no_row_of_a_usual_year_is_in_doubt() -> None:
    columns = hours()
    rows = table(columns, 0, NOW)
    assert rows_in_doubt(rows, ROLES, columns["at"][:NOW], FORTNIGHT * 3600.0).mean() < 0.05


def test_no_rows_are_in_no_doubt() -> None:
    empty: pa.Table = table(hours(100), 0, 0)
    assert not len(rows_in_doubt(empty, ROLES, np.empty(0), 3600.0))
