"""A person's own rows made fit for the inference log and its labels: what can be filled without a
guess is filled and said, anything else is refused.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.inference_log import ANSWERED_AT, LABELLED_AT, MODEL_VERSION, PREDICTION, REQUEST_ID, SERVED_BY
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.tables.arrays import plain
from modelmedic.steps.core.tables.moments import MOMENT, moments

TEXTS = (REQUEST_ID, MODEL_VERSION, SERVED_BY)  # columns that hold names, however number-like they look
_ROLES = ("champion", "canary", "unknown")
_ID_LENGTH = 20  # hex digits: two different rows in a billion meet with a chance of one in a million


@dataclass(frozen=True, slots=True, eq=False)
class FittedRows:
    """Rows as they are to be written; `remarks` are sentences about what was filled or left out."""

    table: pa.Table
    remarks: tuple[str, ...] = ()


def fit_requests(policy: Policy, table: pa.Table, version: str | None = None) -> FittedRows:
    """Answered requests with the columns of the log. `version` answered the rows that name no
    model version; ids are made of the rows' own values where there is no such column.

    Raises BadInput for missing columns, rows without time, version or usable prediction, and ids
    that are missing in some rows or there twice.
    """
    needed = (policy.data.time, *policy.features, PREDICTION)
    _expect(table, needed, "requests")
    remarks = _left_out(table, (*needed, *TEXTS, ANSWERED_AT))
    rows = table.select(needed)
    rows = _set(rows, policy.data.time, _times(table, policy.data.time, "requests"))
    rows = _set(rows, PREDICTION, _predictions(table, policy.data.task))
    rows = _set(rows, MODEL_VERSION, _versions(table, version))
    rows = _set(rows, SERVED_BY, _roles(table))
    if REQUEST_ID in table.column_names:
        rows = _set(rows, REQUEST_ID, _ids(table, "requests"))
        _expect_single(rows[REQUEST_ID].to_pylist(), "requests")
    else:
        rows = _set(rows, REQUEST_ID, pa.array(_made_ids(rows), pa.string()))
        remarks += ("request_id was made of each row's own values, so labels can be joined only by the ids that are logged",)
    if ANSWERED_AT in table.column_names:
        rows = _set(rows, ANSWERED_AT, _times(table, ANSWERED_AT, "requests"))
    return FittedRows(rows, remarks)


def fit_labels(policy: Policy, table: pa.Table, known_at: datetime | None = None) -> FittedRows:
    """Labels with the columns that labels have. `known_at` is when all of them became known, where
    the table does not say it.

    Raises BadInput for missing columns, rows without id, time or usable label, and ids that are
    there twice with one time.
    """
    target = policy.data.target
    if LABELLED_AT not in table.column_names and known_at is not None:
        table = table.append_column(LABELLED_AT, pa.repeat(pa.scalar(known_at, MOMENT), table.num_rows))
    if LABELLED_AT not in table.column_names and {REQUEST_ID, target} <= set(table.column_names):
        raise BadInput(f"labels have no column {LABELLED_AT}, when each became known; add it, or give one time for all with --labelled-at")
    _expect(table, (REQUEST_ID, target, LABELLED_AT), "labels")
    rows = table.select((REQUEST_ID, target, LABELLED_AT))
    rows = _set(rows, REQUEST_ID, _ids(table, "labels"))
    rows = _set(rows, target, _targets(table, target, policy.data.task))
    rows = _set(rows, LABELLED_AT, _times(table, LABELLED_AT, "labels"))
    _expect_single(zip(rows[REQUEST_ID].to_pylist(), rows[LABELLED_AT].to_pylist(), strict=True), "labels")
    return FittedRows(rows, _left_out(table, rows.column_names))


def _expect(table: pa.Table, needed: Sequence[str], what: str) -> None:
    missing = [name for name in needed if name not in table.column_names]
    if missing:
        lacks = f"no column {missing[0]}" if len(missing) == 1 else f"no columns {', '.join(missing)}"
        raise BadInput(f"{what} have {lacks}; expected {', '.join(needed)} (docs/feeding.md)")
    if not table.num_rows:
        raise BadInput(f"{what} have no rows; expected at least one")


def _left_out(table: pa.Table, known: Iterable[str]) -> tuple[str, ...]:
    others = [name for name in table.column_names if name not in set(known)]
    return (f"left out, because the policy does not name them: {', '.join(others)}",) if others else ()


def _set(rows: pa.Table, name: str, column: pa.Array) -> pa.Table:
    if name in rows.column_names:
        return rows.set_column(rows.column_names.index(name), name, column)
    return rows.append_column(name, column)


def _whole(table: pa.Table, name: str) -> pa.Array:
    column = plain(table[name])
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _times(table: pa.Table, name: str, what: str) -> pa.Array:
    found = moments(_whole(table, name))
    if found.null_count:
        raise BadInput(
            f"{what} have {_rows(found.null_count)} whose {name} is missing or no time; expected one in every row, UTC or with a zone"
        )
    return found


def _numbers(table: pa.Table, name: str, what: str) -> pa.Array:
    try:
        found = pc.cast(_whole(table, name), pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise BadInput(f"column {name} of the {what} holds {table[name].type} that is no number; expected numbers") from error
    bad = found.null_count + (pc.sum(pc.invert(pc.is_finite(found))).as_py() or 0)
    if bad:
        raise BadInput(f"{what} have {_rows(bad)} without {name}; expected a number in every row")
    return found


def _predictions(table: pa.Table, task: Task) -> pa.Array:
    found = _numbers(table, PREDICTION, "requests")
    span = pc.min_max(found).as_py()
    if task is Task.BINARY and not 0 <= span["min"] <= span["max"] <= 1:
        said = f"{span['min']:g} to {span['max']:g}"
        raise BadInput(f"column {PREDICTION} of the requests goes from {said}; expected the positive class's probability, 0 to 1")
    return found


def _targets(table: pa.Table, target: str, task: Task) -> pa.Array:
    found = _numbers(table, target, "labels")
    strange = [value for value in pc.unique(found).to_pylist() if value not in (0, 1)] if task is Task.BINARY else []
    if strange:
        raise BadInput(f"column {target} of the labels holds {strange[0]:g}; expected 0 and 1, because the policy's task is binary")
    return found


def _versions(table: pa.Table, version: str | None) -> pa.Array:
    named = _names(table, MODEL_VERSION) if MODEL_VERSION in table.column_names else pa.nulls(table.num_rows, pa.string())
    found = pc.fill_null(named, version) if version is not None else named
    if found.null_count:
        lacks = "no column" if MODEL_VERSION not in table.column_names else f"{_rows(found.null_count)} without"
        raise BadInput(f"requests have {lacks} {MODEL_VERSION}, the version that answered; add it, or give it with --version")
    return found


def _roles(table: pa.Table) -> pa.Array:
    if SERVED_BY not in table.column_names:
        return pa.repeat(pa.scalar("champion"), table.num_rows)
    found = pc.fill_null(_names(table, SERVED_BY), "unknown")
    strange = [role for role in pc.unique(found).to_pylist() if role not in _ROLES]
    if strange:
        raise BadInput(f"column {SERVED_BY} of the requests holds {strange[0]!r}; expected {', '.join(_ROLES)}")
    return found


def _names(table: pa.Table, name: str) -> pa.Array:
    """A column of names as text; null where it is empty."""
    column = _whole(table, name)
    kinds = pa.types
    if not (kinds.is_string(column.type) or kinds.is_integer(column.type) or kinds.is_null(column.type)):
        raise BadInput(f"column {name} is of the type {column.type}; expected text or whole numbers")
    texts = pc.utf8_trim_whitespace(pc.cast(column, pa.string()))
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def _ids(table: pa.Table, what: str) -> pa.Array:
    found = _names(table, REQUEST_ID)
    if found.null_count:
        raise BadInput(f"{what} have {_rows(found.null_count)} without {REQUEST_ID}; expected one in every row")
    return found


def _expect_single(found: Iterable[object], what: str) -> None:
    (most, times), *_ = Counter(found).most_common(1)
    if times > 1:
        named = f"{most[0]} of one {LABELLED_AT}" if isinstance(most, tuple) else most
        raise BadInput(f"{what} have the {REQUEST_ID} {named} {times} times; expected every one once")


def _made_ids(rows: pa.Table) -> list[str]:
    """An id for every row that depends on its values alone, so that the same rows get the same ids
    from any file; equal rows are numbered.
    """
    seen: Counter[str] = Counter()
    ids = []
    for row in zip(*(column.to_pylist() for column in rows.columns), strict=True):
        digest = sha256("\x1f".join(map(repr, row)).encode()).hexdigest()[:_ID_LENGTH]
        ids.append(f"{digest}-{seen[digest]}")
        seen[digest] += 1
    return ids


def _rows(count: int) -> str:
    return f"{count} rows" if count != 1 else "1 row"
