"""The kinds of a table's columns: numbers, codes, times, identifiers, constants, or copies of the
target.
"""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.core.tables.arrays import Floats, is_index, plain, plain_type, quantities

Kind = Literal["number", "code", "time", "other"]

MOST_CODES = 1000
_MOST_INTEGER_CODES = 60
_TELLING = 0.995  # an AUC, or a correlation, that no honest feature reaches
_LEAST_ROWS_PER_CODE = 20  # with fewer, the mean of each code is a copy of the target by chance
_CODE_NAME = re.compile(r"(^|_)(code|type|zip|category|class|group|region|status|grade|kind|segment)(_|$)", re.I)
_ID_NAME = re.compile(r"(^|_)(id|uuid|guid|key|index|rowid)$|^(unnamed.*|row|rownames)$", re.I)
_PREDICTION_NAME = re.compile(r"^(predictions?|predicted|y_?pred|y_?hat|y_?score|y_?proba?|proba(bility)?)$", re.I)


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one column of `rows` rows; `values` counts its distinct values without nulls."""

    name: str
    kind: Kind
    integer: bool
    rows: int
    nulls: int
    values: int
    rising: bool  # no value is smaller than the one before


def facts(table: pa.Table, name: str) -> Facts:
    column = plain(table[name])
    kind = kind_of(column.type)
    integer = bool(pa.types.is_integer(column.type))
    countable = kind != "other"
    values = int(pc.count_distinct(column, mode="only_valid").as_py()) if countable else 0
    rising = integer and column.null_count == 0 and bool(np.all(np.diff(column.to_numpy()) >= 0))
    return Facts(name, kind, integer, table.num_rows, column.null_count, values, rising)


def kind_of(kind: pa.DataType) -> Kind:
    kind = plain_type(kind)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_boolean(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "code"
    return "time" if pa.types.is_timestamp(kind) or pa.types.is_date(kind) else "other"


def is_code(column: Facts) -> bool:
    """True for text and flags, and for small whole numbers whose name says that they are codes."""
    named = column.integer and bool(_CODE_NAME.search(column.name)) and column.values <= _MOST_INTEGER_CODES
    return column.kind == "code" or named


def unfit_reason(column: Facts) -> str | None:
    """The reason why the column is no feature, whatever the target is; None when it may be one."""
    if is_index(column.name):
        return "a table's index"
    if column.kind == "time":
        return "a time is no feature"
    if column.kind == "other":
        return "neither a number nor a code"
    if column.values <= 1:
        return "always the same" if column.values else "always empty"
    if _PREDICTION_NAME.match(column.name):
        return "looks like a model's prediction"
    if column.kind == "code" and column.values > min(MOST_CODES, max(20, column.rows // 2)):
        return f"an identifier or free text, {column.values} values"
    unique = column.values >= 0.95 * column.rows and column.rows > 20
    if column.integer and (_ID_NAME.search(column.name) or (unique and column.rising)):
        return "an identifier"
    return None


def giveaway_strength(column: Facts, feature: pa.ChunkedArray, target: Floats, binary: bool) -> float | None:
    """The strength (AUC or correlation) with which the column alone gives the target away, when
    that is too good to be honest; else None.
    """
    known = np.isfinite(target)
    scores = _scores(column, feature, np.where(known, target, 0.0))
    if scores is None or (known := known & np.isfinite(scores)).sum() < 50:
        return None
    strength = _auc(scores[known], target[known]) if binary else _correlation(scores[known], target[known])
    return strength if strength >= _TELLING else None


def _scores(column: Facts, feature: pa.ChunkedArray, target: Floats) -> Floats | None:
    if column.kind == "number":
        return quantities(np.asarray(pc.cast(plain(feature), pa.float64(), safe=False).to_numpy(), dtype=np.float64))
    if column.values * _LEAST_ROWS_PER_CODE > column.rows:
        return None
    encoded = pc.dictionary_encode(plain(feature)).combine_chunks()
    encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded
    codes = np.asarray(pc.fill_null(encoded.indices, len(encoded.dictionary)).to_numpy(zero_copy_only=False), dtype=np.int64)
    sums, counts = np.bincount(codes, target), np.bincount(codes)
    return np.asarray((sums / np.maximum(counts, 1))[codes], dtype=np.float64)


def _auc(scores: Floats, target: Floats) -> float:
    """The AUC from rank sums (Mann-Whitney), whichever way it points; 0.5 when there is only one
    class.
    """
    from scipy.stats import rankdata

    positive = target > 0.5
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if not ones or not zeros:
        return 0.5
    auc = (rankdata(scores)[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros)
    return float(max(auc, 1 - auc))


def _correlation(scores: Floats, target: Floats) -> float:
    if np.ptp(scores) == 0 or np.ptp(target) == 0:
        return 0.0
    first, second = ((each - each.min()) / np.ptp(each) for each in (scores, target))  # squares of tiny numbers are 0
    return float(abs(np.corrcoef(first, second)[0, 1]))
