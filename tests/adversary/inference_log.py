"""Objects of the inference log and its labels that are cut off, overwritten or something else than
they should be. Whatever reads the window raises nothing, still has all rows of the other objects,
and names what cannot be read.
"""

import io
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.contracts.inference_log import span_key
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.data.backfill import write_labels, write_log
from modelmedic.steps.data.parquet import encoded
from modelmedic.steps.data.windows import LoggedWindows
from tests.adversary.attack import HELD, Attack, Result, not_held
from tests.data.log import DAY, START, HandClock, labels, policy, rows

_WEEK: Final = Window(START, START + 7 * DAY)
_ROWS: Final = 120  # of the other objects, each with its label
_FLIPS: Final = 30  # attacks with bytes changed at random


def attacks(seed: int) -> Iterator[Attack]:
    for name, spoil in _kinds(seed):
        for prefix in ("log_prefix", "labels_prefix"):
            for hour in (0, 12, 160):  # before, among and after the others
                yield Attack(f"{name} {prefix} {hour} h", "inference_log", partial(_try, spoil, prefix, hour), tries=len(_READERS))


def _kinds(seed: int) -> Iterator[tuple[str, Callable[[bytes], bytes]]]:
    for share in range(0, 100, 5):
        yield f"cut at {share} %", partial(_cut, share)
    yield from {
        "cut by one byte": lambda data: data[:-1],
        "zeros": lambda data: bytes(len(data)),
        "a page of a proxy": lambda _: b"<html><body>502 Bad Gateway</body></html>",
        "CSV": _csv,
        "twice": lambda data: data + data,
        "a footer that is larger than the file": lambda data: data[:-8] + b"\xff\xff\xff\x7fPAR1",
        "a footer of nothing": lambda data: data[:-8] + b"\x00\x00\x00\x00PAR1",
        "only marks": lambda _: b"PAR1PAR1",
        "no columns": lambda _: encoded(pa.table({})),
        "other columns": lambda _: encoded(pa.table({"a": [1]})),
        "no rows": _odd(lambda table: table.slice(0, 0)),
        "texts for numbers": _odd(lambda table: _all_as(table, "!")),
        "lists": _odd(lambda table: _all_as(table, [[1]])),
        "nothing but nulls": _odd(lambda table: _all_as(table, None)),
        "times at the edge": _odd(lambda table: _all_as(table, 2**62)),
        "bytes": _odd(lambda table: _all_as(table, b"\xff")),
    }.items()
    for number in range(_FLIPS):
        yield f"bytes changed {number}", partial(_flipped, f"{seed}/{number}")


def _cut(share: int, data: bytes) -> bytes:
    return data[: len(data) * share // 100]


def _flipped(seed: str, data: bytes) -> bytes:
    rng = random.Random(seed)
    changed = bytearray(data)
    for _ in range(rng.choice((1, 8, 64))):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _csv(data: bytes) -> bytes:
    sink = io.BytesIO()
    pyarrow.csv.write_csv(pq.read_table(io.BytesIO(data)), sink)
    return sink.getvalue()


def _odd(change: Callable[[pa.Table], pa.Table]) -> Callable[[bytes], bytes]:
    return lambda data: encoded(change(pq.read_table(io.BytesIO(data))))


def _all_as(table: pa.Table, value: Any) -> pa.Table:
    return pa.table({name: pa.array([value] * table.num_rows) for name in table.column_names})


_READERS: Final[dict[str, Callable[[LoggedWindows], int]]] = {
    "batches": lambda windows: sum(batch.num_rows for batch in windows.batches(_WEEK)),
    "batches of two columns": lambda windows: sum(batch.num_rows for batch in windows.batches(_WEEK, ["asked_at", "income"])),
    "count": lambda windows: windows.count(_WEEK),
    "table": lambda windows: windows.table(_WEEK).num_rows,
    "labelled": lambda windows: windows.table(_WEEK, labelled_only=True).num_rows,
    "thinned": lambda windows: _ROWS if windows.table(_WEEK, limit=10).num_rows == 10 else 0,
    "barely thinned": lambda windows: windows.table(_WEEK, limit=_ROWS * 2).num_rows,
}


def _try(spoil: Callable[[bytes], bytes], prefix: str, hour: int, _folder: Path) -> Result:
    rules, store = policy(), MemoryStore()
    others = rows(_ROWS, seed=1, span=6 * DAY)
    write_log(store, rules, others)
    write_labels(store, rules, labels(others))
    key, data = _object(rules, prefix, START + timedelta(hours=hour))
    store.create(key, spoil(data))
    for name, read in _READERS.items():
        windows = LoggedWindows(store, rules, HandClock())
        found = read(windows)
        if found < _ROWS:
            return not_held(f"{name}: {found} rows of {_ROWS}")
        if set(windows.unreadable) - {key}:
            return not_held(f"{name}: {sorted(windows.unreadable)} are said to be unreadable")
        if _torn(store.get(key).data) and key not in windows.unreadable and (prefix == "log_prefix" or name in ("table", "labelled")):
            return not_held(f"{name}: nothing is said of {key}")
    return HELD


def _object(rules: Policy, prefix: str, start: Any) -> tuple[str, bytes]:
    """The key and the bytes of a whole object with rows, or labels, of one hour."""
    own = rows(30, seed=2, start=start, span=timedelta(hours=1))
    table = own if prefix == "log_prefix" else labels(own, timedelta(0)).select(["request_id", "defaulted", "labelled_at"])
    return span_key(str(getattr(rules, prefix)), start, start + timedelta(hours=1), "attack", 1), encoded(table)


def _torn(data: bytes) -> bool:
    try:
        pq.read_metadata(io.BytesIO(data))
    except (pa.ArrowException, OSError):
        return True
    return False
