"""The log never slows an answer, holds what was asked by UTC day, and loses rows only by count:
after its bound, or by a kill.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modelmedic.steps.adapters.clocks import SystemClock
from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.contracts.errors import Conflict, StoreError
from modelmedic.steps.contracts.inference_log import span_of
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.tables.moments import moments
from modelmedic.steps.data.parquet import opened
from modelmedic.steps.data.windows import LoggedWindows
from modelmedic.steps.predictor.columns import Columns
from modelmedic.steps.predictor.inference_log import InferenceLog, LogSettings
from modelmedic.steps.predictor.log_rows import LogEntry, day_tables
from tests.worlds.serving import policy

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
LOGGED = Columns("at", ("x",), ("c",)).logged(())


def _entry(identity: str, at: list[Any] | None = None, answered: datetime = NOW, **columns: list[Any]) -> LogEntry:
    rows = len(next(iter(columns.values())))
    times = None if at is None else moments(pa.array(at))
    arrays = {name: pa.array(values) for name, values in columns.items()}
    return LogEntry(identity, arrays, times, np.linspace(0.0, 1.0, rows), "champion", answered)


def _rows(*entries: LogEntry) -> list[pa.Table]:
    return [day.table for day in day_tables(entries, LOGGED, "at", "7")]


@contextmanager
def _log(store: MemoryStore | Callable[[], MemoryStore], **settings: Any) -> Iterator[InferenceLog]:
    opener = store if callable(store) else lambda: store
    log = InferenceLog(opener, LogSettings("logs", "7", LOGGED, "at", **{"seconds": 3600.0, **settings}))
    try:
        yield log
    finally:
        log.close(5.0)


def _stored(store: MemoryStore) -> pa.Table:
    found = []
    for key in store.list("logs/"):
        with opened(store, key) as file:
            found.append(file.read())
    return pa.concat_tables(found, promote_options="permissive")


def test_each_object_is_of_one_utc_day_and_its_key_states_the_span() -> None:
    store = MemoryStore()
    with _log(store) as log:
        log.add(_entry("a", ["2013-03-01T23:59:59+00:00", "2013-03-02T00:00:00+00:00", "2013-03-01T20:00:00-05:00"], x=[1.0, 2.0, 3.0]))
    keys = list(store.list("logs/"))
    assert [span_of(key) for key in keys] == [
        Window(datetime(2013, 3, 1, 23, 59, 59, tzinfo=UTC), datetime(2013, 3, 2, tzinfo=UTC)),
        Window(datetime(2013, 3, 2, tzinfo=UTC), datetime(2013, 3, 2, 1, 0, 1, tzinfo=UTC)),
    ]
    assert sorted(_stored(store)["request_id"].to_pylist()) == ["a-0", "a-1", "a-2"]


def test_a_row_without_a_time_that_can_be_read_has_the_time_of_its_answer() -> None:
    (table,) = _rows(_entry("a", ["gibberish", None, "9999-01-01T00:00:00"], x=[1.0, 2.0, 3.0]), _entry("b", None, x=[4.0]))
    assert table["at"].to_pylist() == [NOW] * 4
    assert table["answered_at"].to_pylist() == [NOW] * 4


def test_values_are_logged_as_they_were_asked() -> None:
    (table,) = _rows(
        _entry("a", x=[1.0, None], c=["new code", None]),
        _entry("b", x=[3, 4], c=["", "x" * 5000]),
        _entry("c", x=[float("inf"), float("nan")], c=[None, None]),
    )
    assert table["x"].to_pylist()[:5] == [1.0, None, 3.0, 4.0, float("inf")]
    assert np.isnan(table["x"].to_pylist()[5])
    assert table["c"].to_pylist() == ["new code", None, "", "x" * 5000, None, None]
    assert table.schema.field("x").type == pa.float64()


def test_a_column_that_no_request_had_is_no_column_of_the_object() -> None:
    (table,) = _rows(_entry("a", x=[1.0]), _entry("b", x=[2.0]))
    assert "c" not in table.column_names
    (table,) = _rows(_entry("a", x=[1.0]), _entry("b", c=["k"]))
    assert (table["x"].to_pylist(), table["c"].to_pylist()) == ([1.0, None], [None, "k"])


def test_codes_of_two_kinds_become_text_and_one_kind_stays() -> None:
    (table,) = _rows(_entry("a", c=[1, 2]), _entry("b", c=["k", "l"]))
    assert table["c"].to_pylist() == ["1", "2", "k", "l"]
    (table,) = _rows(_entry("a", c=[1, 2]))
    assert table["c"].to_pylist() == [1, 2]


def test_what_is_written_is_what_the_monitor_reads() -> None:
    store, rules = MemoryStore(), policy()
    settings = LogSettings(rules.log_prefix, "7", LOGGED, "at", seconds=3600.0)
    log = InferenceLog(lambda: store, settings)
    start = datetime(2013, 3, 1, tzinfo=UTC)
    for day in range(3):
        log.add(_entry(f"r{day}", [start + timedelta(days=day, hours=h) for h in range(24)], x=[1.0] * 24, c=["k"] * 24))
    assert log.close(5.0)
    read = LoggedWindows(store, rules, SystemClock()).table(Window(start + timedelta(days=1), start + timedelta(days=2)))
    assert read["request_id"].to_pylist() == [f"r1-{row}" for row in range(24)]
    assert set(read["model_version"].to_pylist()) == {"7"}


def test_rows_are_written_once_there_are_enough_and_on_demand() -> None:
    store = MemoryStore()
    with _log(store, rows=10) as log:
        log.add(_entry("a", x=[1.0] * 9))
        assert log.counts().pending == 9
        assert list(store.list("logs/")) == []
        assert log.flush(5.0)
        assert (log.counts().written, log.counts().pending) == (9, 0)
        log.add(_entry("b", x=[1.0] * 10))
        assert log.flush(5.0)
    assert _stored(store).num_rows == 19


def test_what_waits_is_written_after_the_interval() -> None:
    store = MemoryStore()
    with _log(store, seconds=0.01) as log:
        log.add(_entry("a", x=[1.0]))
        until = time.monotonic() + 10
        while log.counts().pending:
            assert time.monotonic() < until
    assert _stored(store).num_rows == 1


def test_a_store_that_is_away_costs_nothing_but_memory_and_gets_everything_later() -> None:
    store = MemoryStore()
    store.unreachable = True
    with _log(store, rows=10) as log:
        for number in range(20):
            log.add(_entry(f"r{number}", x=[float(number)] * 10))
        assert not log.flush(0.05)
        assert log.counts().pending == 200
        store.unreachable = False
        assert log.flush(5.0)
        assert log.counts().dropped == 0
    assert _stored(store).num_rows == 200
    assert len(set(_stored(store)["request_id"].to_pylist())) == 200


def test_beyond_the_bound_the_oldest_rows_are_dropped_and_counted() -> None:
    store = MemoryStore()
    store.unreachable = True
    with _log(store, rows=100, memory=200_000) as log:
        for number in range(300):
            log.add(_entry(f"r{number}", x=list(np.random.default_rng(number).normal(size=100))))
        log.flush(0.05)
        counts = log.counts()
        assert counts.dropped > 0
        assert counts.written + counts.dropped + counts.pending == 30_000
        store.unreachable = False
        log.flush(5.0)
        counts = log.counts()
        assert counts.written + counts.dropped == 30_000
    kept = {name.rpartition("-")[0] for name in _stored(store)["request_id"].to_pylist()}
    assert "r299" in kept  # the newest
    assert "r0" not in kept


def test_a_store_that_cannot_be_opened_at_first_stops_nothing() -> None:
    store, tries = MemoryStore(), []

    def opener() -> MemoryStore:
        tries.append(1)
        if len(tries) < 2:
            raise StoreError("bucket is away")
        return store

    with _log(opener) as log:
        log.add(_entry("a", x=[1.0]))
        assert log.flush(5.0) or log.flush(5.0)
    assert _stored(store).num_rows == 1


def test_a_write_whose_answer_was_lost_is_not_written_twice() -> None:
    class Forgetful(MemoryStore):
        lost = False

        def create(self, key: str, data: bytes) -> str:
            tag = super().create(key, data)
            if not self.lost:
                self.lost = True
                raise StoreError("the connection broke after the write")
            return tag

    store = Forgetful()
    with _log(store) as log:
        log.add(_entry("a", x=[1.0]))
        log.flush(0.05)
        assert log.flush(5.0)
        assert log.counts().written == 1
    assert _stored(store).num_rows == 1
    with pytest.raises(Conflict):
        store.create(next(iter(store.list("logs/"))), b"")


def test_a_slow_store_never_makes_an_answer_wait() -> None:
    class Slow(MemoryStore):
        entered, released = threading.Event(), threading.Event()

        def create(self, key: str, data: bytes) -> str:
            self.entered.set()
            assert self.released.wait(10)
            return super().create(key, data)

    store = Slow()
    with _log(store, rows=1) as log:
        log.add(_entry("a", x=[1.0]))
        assert store.entered.wait(10)
        for number in range(100):
            log.add(_entry(f"b{number}", x=[1.0]))  # returns although the store does not
        assert log.counts().pending == 101
        store.released.set()
    assert _stored(store).num_rows == 101


def test_a_stop_counts_what_the_store_would_not_take() -> None:
    store = MemoryStore()
    store.unreachable = True
    log = InferenceLog(lambda: store, LogSettings("logs", "7", LOGGED, "at"))
    log.add(_entry("a", x=[1.0, 2.0]))
    assert not log.close(0.1)
    assert log.counts().dropped == 2
    store.unreachable = False
