"""The rows of a window by the inference log: each answered row once, labels as they are known by
now, drift of the schema kept.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.adapters.store.folder import FolderStore
from modelmedic.steps.contracts.errors import BadInput, NotFound
from modelmedic.steps.contracts.inference_log import span_key
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.data.backfill import write_labels, write_log
from modelmedic.steps.data.parquet import encoded
from modelmedic.steps.data.windows import LoggedWindows
from tests.adapters.store.counting import CountingStore
from tests.data.log import DAY, START, HandClock, labels, policy, rows

WEEK = Window(START, START + 7 * DAY)


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return FolderStore(tmp_path / "store")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def windows(store: ObjectStore, clock: HandClock) -> LoggedWindows:
    return LoggedWindows(store, policy(), clock)


def put(store: ObjectStore, table: pa.Table, number: int) -> None:
    """One more log object of one day, as another writer of the same rows would store it."""
    first, last = (pc.min(table["asked_at"]).as_py(), pc.max(table["asked_at"]).as_py())
    store.create(span_key("inference-log/loans", first, last, "other", number), encoded(table))


def test_rows_of_the_window_come_back_as_they_were_written(store: ObjectStore, windows: LoggedWindows) -> None:
    written = rows(2000, span=10 * DAY)
    write_log(store, policy(), written)
    inside = pc.and_(pc.greater_equal(written["asked_at"], WEEK.start), pc.less(written["asked_at"], WEEK.end))
    found = windows.table(WEEK)
    columns = ["request_id", "income", "region", "prediction"]
    assert found.select(columns).equals(written.filter(inside).select(columns))
    assert windows.count(WEEK) == found.num_rows
    assert sum(batch.num_rows for batch in windows.batches(WEEK, ["income"])) == found.num_rows


def test_the_end_belongs_to_the_next_window(store: ObjectStore, windows: LoggedWindows) -> None:
    moments = [WEEK.start, WEEK.end - timedelta(microseconds=1), WEEK.end]
    write_log(store, policy(), rows(3).set_column(0, "asked_at", pa.array(moments, pa.timestamp("us", tz="UTC"))))
    assert windows.count(WEEK) == 2
    assert windows.count(Window(WEEK.end, WEEK.end + DAY)) == 1


def test_no_rows_have_the_policys_columns(windows: LoggedWindows) -> None:
    found = windows.table(WEEK)
    kinds = {field.name: str(field.type) for field in found.schema}
    assert found.num_rows == 0
    assert windows.table(WEEK, limit=5, labelled_only=True).schema == found.schema
    assert kinds == {
        "asked_at": "timestamp[us, tz=UTC]",
        "income": "double",
        "age": "double",
        "region": "string",
        "prediction": "double",
        "model_version": "string",
        "served_by": "string",
        "request_id": "string",
        "defaulted": "double",
    }


def test_a_retried_upload_counts_once(store: ObjectStore, windows: LoggedWindows) -> None:
    day = rows(500, span=DAY)
    put(store, day, 1)
    put(store, day.slice(100, 300), 2)
    put(store, pa.concat_tables([day, day.slice(0, 50)]), 3)
    assert windows.count(WEEK) == 500
    assert sorted(windows.table(WEEK)["request_id"].to_pylist()) == sorted(day["request_id"].to_pylist())


def test_writing_the_same_rows_again_changes_nothing(store: ObjectStore) -> None:
    first = write_log(store, policy(), rows(300))
    assert write_log(store, policy(), rows(300)) == first
    assert len(list(store.list("inference-log/loans/"))) == len(first) == 7


def test_a_label_is_known_from_its_moment_on(store: ObjectStore, windows: LoggedWindows, clock: HandClock) -> None:
    table = rows(1000)
    write_log(store, policy(), table)
    write_labels(store, policy(), labels(table))
    clock.at = START + 4 * DAY
    known = windows.table(WEEK)["defaulted"]
    expected = pc.sum(pc.less_equal(labels(table)["labelled_at"], clock.at)).as_py()
    assert len(known) - known.null_count == expected
    assert windows.table(WEEK, labelled_only=True).num_rows == expected
    clock.at = START + 20 * DAY
    assert windows.table(WEEK)["defaulted"].to_pylist() == table["defaulted"].to_pylist()


def test_the_latest_label_wins_in_whatever_order_it_arrived(store: ObjectStore, windows: LoggedWindows) -> None:
    table = rows(400)
    write_log(store, policy(), table)
    turned = labels(table, delay=5 * DAY).set_column(1, "defaulted", pc.subtract(1.0, table["defaulted"]))
    write_labels(store, policy(), turned)
    write_labels(store, policy(), labels(table, delay=2 * DAY))
    assert windows.table(WEEK)["defaulted"].to_pylist() == turned["defaulted"].to_pylist()


def test_labels_of_other_requests_are_left_out(store: ObjectStore, windows: LoggedWindows) -> None:
    write_log(store, policy(), rows(50))
    write_labels(store, policy(), labels(rows(50, seed=9)))
    assert windows.table(WEEK)["defaulted"].null_count == 50


def test_thinning_is_even_over_the_window(store: ObjectStore, windows: LoggedWindows) -> None:
    table = rows(5000)
    write_log(store, policy(), table)
    thinned = windows.table(WEEK, limit=100)
    places = pc.index_in(thinned["request_id"], value_set=table["request_id"]).to_numpy()
    assert (np.diff(places) == 50).all()


def test_a_column_that_no_object_has_is_absent(store: ObjectStore, windows: LoggedWindows) -> None:
    write_log(store, policy(), rows(200).drop_columns(["age", "region"]))
    assert not {"age", "region"} & set(windows.table(WEEK).column_names)


def test_a_column_that_some_objects_lack_is_null_there(store: ObjectStore, windows: LoggedWindows) -> None:
    write_log(store, policy(), rows(200, span=DAY))
    write_log(store, policy(), rows(100, seed=1, start=START + DAY, span=DAY).drop_columns(["age"]))
    assert windows.table(WEEK)["age"].null_count == 100


def test_numbers_that_became_text_are_text(store: ObjectStore, windows: LoggedWindows) -> None:
    other = rows(100, seed=1, start=START + DAY, span=DAY)
    write_log(store, policy(), rows(200, span=DAY))
    write_log(store, policy(), other.set_column(2, "age", pa.array(["fifty"] * 100)))
    assert windows.table(WEEK).schema.field("age").type == pa.string()
    assert {batch.schema.field("age").type for batch in windows.batches(WEEK)} == {pa.string()}


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.set_column(3, "region", pa.array(np.arange(t.num_rows))),
        lambda t: t.set_column(3, "region", t["region"].combine_chunks().dictionary_encode()),
        lambda t: t.set_column(2, "age", pa.array([[1.0]] * t.num_rows)),
        lambda t: t.set_column(2, "age", pa.nulls(t.num_rows)),
        lambda t: t.set_column(1, "income", pc.cast(t["income"], pa.int64(), safe=False)),
        lambda t: t.set_column(0, "asked_at", pc.strftime(t["asked_at"], "%Y-%m-%dT%H:%M:%S")),
        lambda t: t.set_column(0, "asked_at", pc.divide(pc.cast(t["asked_at"], pa.int64()), 1000)),
        lambda t: t.set_column(0, "asked_at", pc.cast(t["asked_at"], pa.timestamp("ns"))),
        lambda t: t.append_column("answered_at", t["asked_at"]),
    ],
    ids=["codes as numbers", "dictionary", "lists", "all null", "integers", "times as text", "epoch ms", "naive ns", "one more"],
)
def test_schema_drift_inside_a_window_never_ends_it(windows: LoggedWindows, store: ObjectStore, change: object) -> None:
    table = rows(200, span=DAY)
    first, last = (pc.min(table["asked_at"]).as_py(), pc.max(table["asked_at"]).as_py())
    put(store, rows(100, seed=5, span=DAY), 1)
    store.create(span_key("inference-log/loans", first, last, "drifted", 2), encoded(change(table)))  # type: ignore[operator]
    assert windows.table(WEEK).num_rows == 300
    assert windows.table(WEEK).schema.field("region").type == pa.string()


def test_what_is_no_log_object_is_passed_over_and_what_is_torn_is_left_out_and_named(windows: LoggedWindows, store: ObjectStore) -> None:
    store.create("inference-log/loans/2024-03-01/README.txt", b"hello")
    assert windows.count(WEEK) == 0
    key = span_key("inference-log/loans", START, START + timedelta(hours=1), "torn", 1)
    store.create(key, b"PAR1 torn")
    write_log(store, policy(), rows(50, span=DAY))
    assert windows.unreadable == {}
    assert windows.count(WEEK) == 50
    assert list(windows.unreadable) == [key]
    assert "torn-000001.parquet cannot be read as Parquet" in windows.unreadable[key]


def test_a_log_is_read_in_batches_however_large_its_objects(clock: HandClock) -> None:
    store = MemoryStore()
    put(store, rows(200_000, span=timedelta(hours=20)), 1)
    sizes = [batch.num_rows for batch in LoggedWindows(store, policy(), clock).batches(WEEK, ["income"])]
    assert sum(sizes) == 200_000
    assert max(sizes) <= 65_536


def test_rows_without_a_readable_time_are_refused_when_written(store: ObjectStore) -> None:
    broken = rows(3).set_column(0, "asked_at", pa.array(["soon", "later", datetime(2024, 3, 1).isoformat()]))
    with pytest.raises(BadInput, match="2 values that are no times"):
        write_log(store, policy(), broken)


def test_thinned_rows_are_whole_rows_with_their_labels(store: ObjectStore, windows: LoggedWindows) -> None:
    table = rows(3000)
    write_log(store, policy(), table)
    write_labels(store, policy(), labels(table.slice(0, 2000)))
    thinned, whole = windows.table(WEEK, labelled_only=True, limit=150), windows.table(WEEK)
    places = pc.index_in(thinned["request_id"], value_set=whole["request_id"])
    assert thinned.num_rows == 150
    assert thinned.equals(whole.take(places))
    assert windows.table(WEEK, limit=10_000).equals(whole)


QUESTIONS: dict[str, Callable[[LoggedWindows], pa.Table]] = {
    "table": lambda windows: windows.table(WEEK),
    "labelled": lambda windows: windows.table(WEEK, labelled_only=True),
    "thinned": lambda windows: windows.table(WEEK, limit=100),
    "batches": lambda windows: pa.Table.from_batches(windows.batches(WEEK, ["income", "region"])),
    "count": lambda windows: pa.table({"rows": [windows.count(WEEK)]}),
}


def busy(store: ObjectStore) -> list[str]:
    """Twelve small objects, of which some overlap and some repeat rows, and their labels; the keys
    of the log, in order.
    """
    for number in range(4):
        table = rows(300, seed=number, start=START + number * DAY, span=DAY)
        for part in range(3):
            put(store, table.slice(part * 100, 101), number * 3 + part)
        write_labels(store, policy(), labels(table))
    return list(store.list("inference-log/loans/"))


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("at_once", [1, 8], ids=["near", "far"])
def test_each_object_is_fetched_once_a_question(clock: HandClock, question: str, at_once: int) -> None:
    store = CountingStore(at_once=at_once)
    keys = busy(store)
    store.asked.clear()
    QUESTIONS[question](LoggedWindows(store, policy(), clock))
    assert store.asked.keys() <= {"list", "get"}
    log = [key for key in store.asked["get"] if key.startswith("inference-log/")]
    late = [key for key in store.asked["get"] if not key.startswith("inference-log/")]
    assert sorted(log) == keys
    assert len(late) == len(set(late))
    assert bool(late) == (question in {"table", "labelled", "thinned"})


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(("at_once", "held"), [(8, 1 << 20), (1, 0), (8, 0), (1, 20_000)])
def test_what_is_held_and_fetched_together_changes_no_row(clock: HandClock, question: str, at_once: int, held: int) -> None:
    store = CountingStore()
    keys = busy(store)
    expected = QUESTIONS[question](LoggedWindows(store, policy(), clock))
    store.at_once = at_once
    store.asked.clear()
    assert QUESTIONS[question](LoggedWindows(store, policy(), clock, held=held)).equals(expected)
    assert all(store.asked["get"].count(key) <= 2 for key in keys)


def test_past_what_is_held_only_objects_with_chosen_rows_are_fetched_again(clock: HandClock) -> None:
    store = CountingStore()
    keys = busy(store)
    store.asked.clear()
    assert LoggedWindows(store, policy(), clock, held=0).table(WEEK, limit=3).num_rows == 3
    assert sum(store.asked["get"].count(key) == 2 for key in keys) == 3


def test_an_object_that_went_away_after_the_listing_is_named(clock: HandClock) -> None:
    store = CountingStore(at_once=8)
    gone = busy(store)[7]
    store.gone.add(gone)
    with pytest.raises(NotFound, match=gone):
        LoggedWindows(store, policy(), clock).table(WEEK)


@pytest.mark.parametrize("limit", [None, 60])
def test_an_object_with_damaged_pages_is_left_out_and_named(store: ObjectStore, windows: LoggedWindows, limit: int | None) -> None:
    table = rows(300, span=DAY)
    whole, key = encoded(table), span_key("inference-log/loans", START, START + timedelta(hours=1), "hurt", 1)
    place = pq.ParquetFile(pa.BufferReader(whole)).metadata.row_group(0).column(2).data_page_offset  # the time and the id are whole
    put(store, rows(100, seed=1, span=DAY), 1)
    store.create(key, whole[:place] + bytes(400) + whole[place + 400 :])
    assert windows.table(WEEK, limit=limit).num_rows == (limit or 100)
    assert list(windows.unreadable) == [key]
    assert windows.table(WEEK, limit=limit).num_rows == (limit or 100)


def test_damaged_labels_leave_their_rows_without_one(store: ObjectStore, windows: LoggedWindows) -> None:
    table = rows(100, span=DAY)
    write_log(store, policy(), table)
    write_labels(store, policy(), labels(table.slice(0, 40)))
    key = span_key("labels/loans", START + 2 * DAY, START + 2 * DAY, "torn", 1)
    store.create(key, b"PAR1")
    assert windows.table(WEEK, labelled_only=True).num_rows == 40
    assert list(windows.unreadable) == [key]
