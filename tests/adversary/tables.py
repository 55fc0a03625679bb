"""Tables as people have them, with one column of an odd type or odd values, or as odd files: every
command that reads a person's table ends with a result or a sentence, and a documented exit code.
"""

import datetime as dt
import decimal
import io
import json
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from click.testing import CliRunner

from modelmedic.workflows.cli import main
from tests.adversary.attack import HELD, Attack, Result, not_held

ROWS: Final = 240
DOCUMENTED: Final = (0, 2, 65, 75, 77, 78)
_USAGE: Final = 2
_LONGEST: Final = 2_000  # characters of what an error says
_START: Final = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_ROLES: Final = ("--target", "defaulted", "--prediction", "risk", "--time", "at")

Values = Callable[[], pa.Array]


def table(seed: int, turned: float = 0.0) -> pa.Table:
    """Rows of a month, whose concept has turned as far as it says."""
    rng = np.random.default_rng(seed)
    income, age, region = rng.normal(size=ROWS), rng.normal(50, 10, ROWS), rng.choice(["north", "south"], ROWS)
    chance = 1 / (1 + np.exp(-(income * (1 - turned) + (age - 50) / 10)))
    at = [_START + dt.timedelta(hours=3 * number) for number in range(ROWS)]
    return pa.table(
        {
            "at": pa.array(at, pa.timestamp("us", tz="UTC")),
            "income": income,
            "age": age,
            "region": region,
            "risk": chance,
            "defaulted": (rng.random(ROWS) < chance).astype(float),
        }
    )


def attacks(seed: int) -> Iterator[Attack]:
    for kind, values in KINDS.items():
        for column in ("at", "income", "region", "risk", "defaulted"):
            yield Attack(f"{column}: {kind}", "tables", partial(_with_column, seed, column, values), seconds=120, tries=_TRIES)
    for kind, write in FILES.items():
        yield Attack(f"file: {kind}", "tables", partial(_with_file, seed, write), seconds=120, tries=_TRIES)
    for number in range(20):
        yield Attack(f"mixture {number}", "tables", partial(_with_mixture, seed, number), seconds=120, tries=_TRIES)


def _with_column(seed: int, column: str, values: Values, folder: Path) -> Result:
    whole = table(seed)
    place = whole.column_names.index(column)
    return _tried(whole, _written(whole.set_column(place, column, values()), folder / "odd.parquet"), folder)


def _with_file(seed: int, write: Callable[[pa.Table, Path], object], folder: Path) -> Result:
    whole = table(seed)
    write(whole, folder / "odd")
    return _tried(whole, folder / "odd", folder)


def _with_mixture(seed: int, number: int, folder: Path) -> Result:
    """Every column of another odd kind at once, and ten more."""
    rng = random.Random(f"{seed}/{number}")
    names = [*table(seed).column_names, *(f"more {extra}" for extra in range(10))]
    odd = pa.table({name: rng.choice(list(KINDS.values()))() for name in names})
    return _tried(table(seed), _written(odd, folder / "odd.parquet"), folder)


def _written(odd: pa.Table, path: Path) -> Path:
    pq.write_table(odd, path)
    return path


def _tried(whole: pa.Table, odd: Path, folder: Path) -> Result:
    good = _written(whole, folder / "good.parquet")
    (folder / "policy.yaml").write_text(json.dumps(_POLICY))
    for command in _commands(str(good), str(odd), str(folder / "policy.yaml")):
        fault = fault_of(command)
        if fault:
            return not_held(f"{' '.join(command).replace(str(folder), '…')}: {fault}")
    return HELD


def _commands(good: str, odd: str, policy: str) -> list[list[str]]:
    pairs = ((good, odd), (odd, good), (odd, odd))
    found = [[command, *pair, *_ROLES] for command in ("detect", "diagnose") for pair in pairs]
    found += [["detect", odd, odd], ["diagnose", good, odd, "--json"], ["init", odd, "-o", "-"]]
    return [*found, ["backtest", policy, "--data", odd, "--dry-run"]]


_TRIES: Final = len(_commands("", "", ""))
_POLICY: Final = {
    "apiVersion": "modelmedic.io/v1alpha1",
    "kind": "HealingPolicy",
    "metadata": {"name": "loans", "owner": "risk"},
    "serving": {"inferenceService": "loans"},
    "registry": {"name": "loans"},
    "data": {"task": "binary", "target": "defaulted", "time": "at", "numeric": ["income", "age"], "categorical": ["region"]},
}


def fault_of(command: list[str]) -> str | None:
    """What is wrong with the end of the command; None when it is a result or a sentence."""
    ended = CliRunner().invoke(main, command)
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        return f"{type(ended.exception).__name__}: {str(ended.exception)[:200]}"
    if ended.exit_code not in DOCUMENTED:
        return f"exit code {ended.exit_code}: {ended.stderr[-200:]}"
    said = ended.stderr if ended.exit_code else ""
    if "Traceback" in said or "traceback" in said:
        return f"a traceback: {said[-200:]}"
    if ended.exit_code and not said.strip():
        return f"exit code {ended.exit_code} without a word"
    if len(said) > _LONGEST and ended.exit_code != _USAGE:  # which says what was typed
        return f"{len(said)} characters of error"
    return None


def _all(value: Any, kind: pa.DataType | None = None) -> Values:
    return lambda: pa.array([value] * ROWS, kind)


def _some(value: Any, kind: pa.DataType | None = None, *, every: int = 7, other: Any = None) -> Values:
    """The value in every so many rows, and another one in the others."""
    return lambda: pa.array([value if number % every == 0 else other for number in range(ROWS)], kind)


def _ints(kind: pa.DataType, low: int, high: int) -> Values:
    return lambda: pa.array([low if number % 2 else high for number in range(ROWS)], kind)


def _dictionary(values: list[Any], kind: pa.DataType | None = None, ordered: bool = False) -> Values:
    def make() -> pa.Array:
        codes = pa.array([None if number % 11 == 0 else number % len(values) for number in range(ROWS)], pa.int8())
        return pa.DictionaryArray.from_arrays(codes, pa.array(values, kind), ordered=ordered)

    return make


def _times(unit: str, value: int, zone: str | None = None) -> Values:
    return lambda: pa.array([value - number if value > 0 else value + number for number in range(ROWS)], pa.timestamp(unit, tz=zone))


def _spread(first: int, last: int, unit: str) -> Values:
    return lambda: pa.array([first + (last - first) // ROWS * number for number in range(ROWS)], pa.timestamp(unit))


_MOST: Final = 2**63 - 1
KINDS: Final[dict[str, Values]] = {
    "nulls": _all(None, pa.float64()),
    "nulls without a type": _all(None, pa.null()),
    "null times": _all(None, pa.timestamp("us", tz="UTC")),
    "one time": _all(_START, pa.timestamp("us", tz="UTC")),
    "some null times": _some(None, pa.timestamp("us", tz="UTC"), other=_START),
    "nan": _all(float("nan")),
    "infinities": _all(float("inf")),
    "both infinities": _some(float("inf"), other=float("-inf")),
    "some infinities": _some(float("inf"), other=1.0),
    "1e308": _some(1e308, other=-1e308),
    "one 1e308": _some(1e308, every=200, other=1.0),
    "tiny numbers": _some(5e-324, other=-5e-324),
    "half floats": lambda: pa.array(np.linspace(-60000, 60000, ROWS).astype(np.float16)),
    "floats": lambda: pa.array(np.linspace(-3e38, 3e38, ROWS).astype(np.float32)),
    "integers near the maximum": _ints(pa.int64(), _MOST - 1, _MOST),
    "integers at both ends": _ints(pa.int64(), -(2**63), _MOST),
    "unsigned integers": _ints(pa.uint64(), 0, 2**64 - 1),
    "nanoseconds as integers": lambda: pa.array([int(_START.timestamp()) * 10**9 + number for number in range(ROWS)]),
    "bytes of one": _ints(pa.int8(), -128, 127),
    "true": _all(True),
    "true and false": _some(True, other=False),
    "a constant": _all(7.0),
    "negative labels": _some(-1.0, other=1.0),
    "three classes": lambda: pa.array([float(number % 3) for number in range(ROWS)]),
    "decimal128": _some(decimal.Decimal("12345.678"), pa.decimal128(38, 3), other=decimal.Decimal("-1.5")),
    "decimal256": _some(decimal.Decimal(10) ** 60, pa.decimal256(76, 3), other=decimal.Decimal("0.001")),
    "decimals at their end": _all(decimal.Decimal("9" * 38), pa.decimal128(38, 0)),
    "texts": _some("north", other="south"),
    "numbers as texts": lambda: pa.array([str(number / 7) for number in range(ROWS)]),
    "not numbers as texts": _some("nan", other="-inf"),
    "times as texts": lambda: pa.array([(_START + dt.timedelta(hours=number)).isoformat() for number in range(ROWS)]),
    "times that are none as texts": _some("2026-02-30T25:61:00Z", other="yesterday"),
    "far times as texts": _some("9999-12-31T23:59:59.999999-23:59", other="0001-01-01T00:00:00+23:59"),
    "empty texts": _all(""),
    "long texts": _some("x" * 100_000, every=60, other="y"),
    "control characters": _some("\x1b[2J\x00\u202e", other="\ud7ff"),
    "as many texts as rows": lambda: pa.array([f"id {number}" for number in range(ROWS)]),
    "large texts": _some("north", pa.large_string(), other="south"),
    "bytes": _some(b"\xff\xfe", pa.binary(), other=b"north"),
    "bytes of a length": _all(b"\xff" * 16, pa.binary(16)),
    "large bytes": _all(b"\x00", pa.large_binary()),
    "a category": _dictionary(["north", "south", "west"]),
    "an ordered category": _dictionary(["low", "high"], ordered=True),
    "a category of numbers": _dictionary([1.5, 2.5]),
    "a category of integers": _dictionary([1, 2**62]),
    "a category of times": _dictionary([_START, _START + dt.timedelta(days=1)]),
    "a category of bytes": _dictionary([b"\xff", b"a"]),
    "a category of large texts": _dictionary(["north", "south"], pa.large_string()),
    "a category without values": lambda: pa.DictionaryArray.from_arrays(pa.array([None] * ROWS, pa.int8()), pa.array([], pa.string())),
    "dates": lambda: pa.array([_START.date() + dt.timedelta(days=number) for number in range(ROWS)], pa.date32()),
    "far dates": _ints(pa.int32(), -(2**31), 2**31 - 1),
    "days beyond the calendar": lambda: pa.array([2**31 - 1 - number for number in range(ROWS)], pa.int32()).cast(pa.date32()),
    "days before the calendar": lambda: pa.array([-(2**31) + number for number in range(ROWS)], pa.int32()).cast(pa.date32()),
    "long dates": lambda: pa.array([86_400_000 * number for number in range(ROWS)], pa.int64()).cast(pa.date64()),
    "times of day": _all(dt.time(23, 59, 59), pa.time64("us")),
    "short times of day": _all(dt.time(0), pa.time32("s")),
    "milliseconds beyond the calendar": _times("ms", _MOST),
    "microseconds beyond the calendar": _times("us", _MOST),
    "the last nanoseconds": _times("ns", _MOST),
    "the first nanoseconds": _times("ns", -(2**63) + 1),
    "microseconds before the calendar": _times("us", -(2**63) + 1),
    "a far zone": _times("us", 253_402_300_799_999_999, "Pacific/Kiritimati"),
    "the year 9999": _times("us", 253_402_300_799_999_999, "UTC"),
    "the year 1": _times("us", -62_135_596_800_000_000, "UTC"),
    "all of the calendar": _spread(-62_135_596_800, 253_402_300_799, "s"),
    "more than the calendar": _spread(-(2**62), 2**62, "us"),
    "times without a zone": _times("ns", 1_767_225_600_000_000_000),
    "a zone with an offset": _times("us", 1_767_225_600_000_000, "+14:00"),
    "spans": _all(dt.timedelta(days=3), pa.duration("us")),
    "lists": _all([1.0, 2.0]),
    "lists of texts": _some(["a", None], other=[]),
    "large lists": _all([1], pa.large_list(pa.int64())),
    "lists of a length": _all([1.0, 2.0], pa.list_(pa.float64(), 2)),
    "records": _all({"a": 1, "b": "x"}),
    "empty maps": _all([], pa.map_(pa.string(), pa.int64())),
    "maps": _all([("a", 1)], pa.map_(pa.string(), pa.int64())),
}  # fmt: skip


def _csv(
    separator: str = ",", encoding: str = "utf-8", change: Callable[[str], str] = lambda text: text
) -> Callable[[pa.Table, Path], object]:
    def write(whole: pa.Table, path: Path) -> object:
        sink = io.BytesIO()
        pyarrow.csv.write_csv(whole, sink, pyarrow.csv.WriteOptions(delimiter=separator))
        return path.write_bytes(change(sink.getvalue().decode()).encode(encoding, "surrogateescape"))

    return write


def _indexed(text: str) -> str:
    """As pandas writes it: the index first, in a column without a name."""
    first, *rest = text.splitlines()
    return "\n".join([f'"",{first}', *(f"{number},{line}" for number, line in enumerate(rest))]) + "\n"


def _frame(change: Callable[[Any], Any]) -> Callable[[pa.Table, Path], object]:
    return lambda whole, path: change(whole.to_pandas()).to_parquet(path)


def _rows(number: int) -> Callable[[pa.Table, Path], object]:
    return lambda whole, path: pq.write_table(whole.slice(0, number), path)


def _renamed(names: Callable[[str], str]) -> Callable[[pa.Table, Path], object]:
    return lambda whole, path: pq.write_table(whole.rename_columns([names(name) for name in whole.column_names]), path)


def _with(name: str, values: Values) -> Callable[[pa.Table, Path], object]:
    return lambda whole, path: pq.write_table(whole.append_column(name, values()), path)


FILES: Final[dict[str, Callable[[pa.Table, Path], object]]] = {
    "CSV": _csv(),
    "CSV with pandas' index": _csv(change=_indexed),
    "CSV with a doubled index": _csv(change=lambda text: _indexed(_indexed(text))),
    "CSV with an unnamed index": _csv(change=lambda text: _indexed(text).replace('""', "Unnamed: 0", 1)),
    "CSV in Latin-1": _csv(encoding="latin-1", change=lambda text: text.replace("north", "Östergötland")),
    "CSV in Latin-1 with a name in it": _csv(encoding="latin-1", change=lambda text: text.replace("region", "région", 1)),
    "CSV in UTF-16": _csv(encoding="utf-16"),
    "CSV in UTF-32": _csv(encoding="utf-32"),
    "CSV with a mark": _csv(encoding="utf-8-sig"),
    "CSV with semicolons": _csv(";"),
    "CSV with tabs": _csv("\t"),
    "CSV with other line ends": _csv(change=lambda text: text.replace("\n", "\r")),
    "CSV without its last line end": _csv(change=lambda text: text.rstrip("\n")),
    "CSV of a header": _csv(change=lambda text: text.splitlines()[0] + "\n"),
    "CSV of one line": _csv(change=lambda text: text.splitlines()[0]),
    "CSV of one row": _csv(change=lambda text: "\n".join(text.splitlines()[:2]) + "\n"),
    "CSV with a short row": _csv(change=lambda text: text + "2026-01-01\n"),
    "CSV with a long row": _csv(change=lambda text: text + ",".join("1" * 20) + "\n"),
    "CSV with an open quote": _csv(change=lambda text: text + '"2026'),
    "CSV with zeros": _csv(change=lambda text: text.replace("north", "no\x00rth")),
    "CSV with empty lines": _csv(change=lambda text: text.replace("\n", "\n\n")),
    "CSV with one name twice": _csv(change=lambda text: text.replace("income", "age", 1)),
    "CSV with empty names": _csv(change=lambda text: text.replace("income", "", 1).replace("region", "", 1)),
    "CSV with numbers that are too long": _csv(change=lambda text: text.replace("north", "9" * 400)),
    "CSV with infinities": _csv(change=lambda text: text.replace("north", "inf").replace("south", "-Infinity")),
    "CSV with commas for points": _csv(";", change=lambda text: text.replace(".", ",")),
    "CSV with far times": _csv(change=lambda text: text.replace("2026-01-0", "9999-12-3")),
    "no rows": _rows(0),
    "one row": _rows(1),
    "two rows": _rows(2),
    "pandas' index": _frame(lambda frame: frame.set_index(frame.index * 3 + 1)),
    "pandas' index of texts": _frame(lambda frame: frame.set_index(frame.index.astype(str))),
    "pandas' index of times": _frame(lambda frame: frame.set_index(frame["at"].rename(None))),
    "pandas' index of two": _frame(lambda frame: frame.set_index([frame.index, frame.index % 7])),
    "pandas' index with a name": _frame(lambda frame: frame.set_index("region")),
    "pandas' categories": _frame(lambda frame: frame.assign(region=frame["region"].astype("category"))),
    "pandas' own types": _frame(lambda frame: frame.convert_dtypes()),
    "pandas' periods": _frame(lambda frame: frame.assign(month=frame["at"].dt.tz_localize(None).dt.to_period("M"))),
    "pandas' intervals": _frame(lambda frame: frame.assign(age=pd.arrays.IntervalArray.from_breaks(range(ROWS + 1)))),
    "names with control characters": _renamed(lambda name: name if name != "income" else "\x1b[2Jincome\n"),
    "an empty name": _renamed(lambda name: name if name != "income" else ""),
    "names of many letters": _renamed(lambda name: name if name != "income" else "x" * 60_000),
    "names in capitals": _renamed(str.upper),
    "names that Arrow would nest": _renamed(lambda name: name if name != "income" else "a.b.c"),
    "an index beside the features": _with("__index_level_0__", lambda: pa.array(range(ROWS))),
    "an index of texts beside the features": _with("__index_level_0__", lambda: pa.array([f"r{n}" for n in range(ROWS)])),
    "the name of a file of ours": _with("prediction", _some(0.5, other=0.1)),
    "nothing": lambda _, path: path.write_bytes(b""),
    "nothing but marks": lambda _, path: path.write_bytes(b"PAR1PAR1"),
    "a folder": lambda _, path: path.mkdir(),
    "a picture": lambda _, path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9),
    "half of a Parquet file": lambda whole, path: (pq.write_table(whole, path), path.write_bytes(path.read_bytes()[:2000])),
    "no columns": lambda _, path: pq.write_table(pa.table({}), path),
}  # fmt: skip
