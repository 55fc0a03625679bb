"""The past as it was: sorted, in the policy's types, its labels unknown until they are due."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.backtesting.past import read_past
from modelmedic.steps.backtesting.windows import PlayedWindows
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.inference_log import LABELLED_AT, MODEL_VERSION, PREDICTION, SERVED_BY
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.data.backfill import write_labels, write_log
from modelmedic.steps.data.windows import LoggedWindows
from tests.benchmarks.backtest.streams import START, make

DAY = timedelta(days=1)
RULES, ROWS = make("quiet", 1, a_day=10)


def test_rows_come_in_the_order_of_their_time_whatever_the_file_says() -> None:
    mixed = ROWS.take(pa.array(np.random.default_rng(1).permutation(ROWS.num_rows)))
    found, sorted_ = read_past(RULES, mixed), read_past(RULES, ROWS)
    assert found.rows["load"].equals(sorted_.rows["load"])
    assert (np.diff(found.times) >= 0).all()


def test_label_is_known_when_its_delay_is_over() -> None:
    found = read_past(RULES, ROWS)
    month = Window(START, START + 30 * DAY)
    known = found.known(month, month.end)
    assert known.num_rows < found.between(month).num_rows
    assert pc.max(known["at"]).as_py() < month.end - 2 * DAY


def test_row_without_a_label_is_asked_about_and_never_learnt_from() -> None:
    blank = pc.if_else(pa.array(np.arange(ROWS.num_rows) % 2 == 0), ROWS["label"], pa.scalar(None, pa.float64()))
    found = read_past(RULES, ROWS.set_column(ROWS.column_names.index("label"), "label", blank))
    month = Window(START, START + 30 * DAY)
    assert found.rows.num_rows == ROWS.num_rows
    assert found.known(month, month.end + 2 * DAY).num_rows == pytest.approx(found.between(month).num_rows / 2, abs=1)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (ROWS.drop_columns(["rate"]), "column rate is not in"),
        (ROWS.set_column(1, "load", pa.array(["x"] * ROWS.num_rows)), "column load of .* no number"),
        (ROWS.set_column(0, "at", pa.array(["someday"] * ROWS.num_rows)), "column at of .* no time"),
        (ROWS.set_column(ROWS.column_names.index("label"), "label", pa.nulls(ROWS.num_rows, pa.float64())), "no row with both"),
        (ROWS.slice(0, 0), "no row with both"),
    ],
)
def test_data_that_cannot_be_replayed_is_named(table: pa.Table, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read_past(RULES, table, "file.csv")


@pytest.mark.parametrize("days", [3, 11])
@pytest.mark.parametrize("limit", [None, 7])
def test_played_windows_say_what_the_inference_log_would(days: int, limit: int | None, tmp_path: Path) -> None:
    """The same rows, written to a store and read back, with the labels that are known at the same
    moment.
    """
    del tmp_path
    rows = read_past(RULES, ROWS).between(Window(START, START + 12 * DAY))
    for name, value in ((PREDICTION, pa.array(np.full(rows.num_rows, 0.5))), (MODEL_VERSION, "1"), (SERVED_BY, "champion")):
        column = value if isinstance(value, pa.Array) else pa.array([value] * rows.num_rows)
        rows = rows.set_column(rows.column_names.index(name), name, column)
    store, clock = MemoryStore(), PlayedClock(START + days * DAY)
    write_log(store, RULES, rows.drop_columns(["label"]))
    due = pc.add(rows["at"], pa.scalar(2 * DAY, pa.duration("us")))
    write_labels(store, RULES, pa.table({"request_id": rows["request_id"], "label": rows["label"], LABELLED_AT: due}))
    logged, played = LoggedWindows(store, RULES, clock), PlayedWindows(RULES, clock)
    for at in range(0, rows.num_rows, 17):
        played.add(rows.slice(at, 17))
    window = Window(START + 2 * DAY, START + 10 * DAY)
    for labelled_only in (False, True):
        there, here = (w.table(window, labelled_only=labelled_only, limit=limit) for w in (logged, played))
        assert here.select(there.column_names).to_pydict() == there.to_pydict()
    assert played.count(window) == logged.count(window)
    names = ["load", PREDICTION]
    assert pa.Table.from_batches(played.batches(window, names)).equals(pa.Table.from_batches(logged.batches(window, names)))
