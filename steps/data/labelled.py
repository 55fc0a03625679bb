"""A person's table, made into the rows of a logged window; called by bootstrap and backtesting."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.inference_log import REQUEST_ID, SERVED_BY
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.tables.arrays import plain, plain_type
from modelmedic.steps.core.tables.classes import expect_two_classes, expect_two_words
from modelmedic.steps.core.tables.log_columns import conform, log_schema


def logged_rows(policy: Policy, table: pa.Table, source: str = "the rows") -> pa.Table:
    """The rows that have a time, by their time, with the columns of a logged window and the target.

    Raises BadInput, naming `source`, when a column of the policy is missing or a value is no number
    or no time.
    """
    data = policy.data
    absent = [name for name in (data.time, data.target, *policy.features) if name not in table.column_names]
    if absent:
        raise BadInput(f"column {absent[0]} is not in {source} ({', '.join(table.column_names[:30])}); the policy names it")
    schema = log_schema(policy, target=True)
    table = table.select([name for name in schema.names if name in table.column_names and name != REQUEST_ID])
    rows = pa.Table.from_batches([conform(batch, schema) for batch in table.combine_chunks().to_batches()], schema=schema)
    _refuse_lost_values(policy, table, rows, source)
    if data.task is Task.BINARY:
        expect_two_classes(data.target, np.asarray(rows[data.target].to_numpy(), dtype=np.float64))
    return rows.filter(pc.is_valid(rows[data.time])).sort_by(data.time)


def unserved_rows(policy: Policy, table: pa.Table) -> pa.Table:
    """The labelled rows of the table as logged rows that no model version has answered yet."""
    rows = logged_rows(policy, table)
    rows = rows.filter(pc.is_valid(rows[policy.data.target]))
    rows = rows.set_column(rows.column_names.index(SERVED_BY), SERVED_BY, pa.nulls(rows.num_rows, pa.string()))
    return numbered(rows, "bootstrap-{:08d}")


def numbered(rows: pa.Table, pattern: str) -> pa.Table:
    """The rows with request ids that are made of their place, such as `row-{:09d}`."""
    ids = pa.array([pattern.format(number) for number in range(rows.num_rows)], pa.string())
    return rows.set_column(rows.column_names.index(REQUEST_ID), REQUEST_ID, ids)


def _refuse_lost_values(policy: Policy, table: pa.Table, rows: pa.Table, source: str) -> None:
    """A value that was lost on its way to a number is a wrong column, not a null."""
    data = policy.data
    for name in (*data.numeric, data.target, data.time):
        lost = rows[name].null_count - table[name].null_count
        if lost and name == data.target and pa.types.is_string(plain_type(table[name].type)):
            _refuse_words(policy, table[name], source)
        if lost:
            kind = "time" if name == data.time else "number"
            raise BadInput(f"column {name} of {source} has {lost} of {rows.num_rows} values that are no {kind} ({table[name].type})")


def _refuse_words(policy: Policy, labels: pa.ChunkedArray, source: str) -> None:
    """Raises BadInput for labels in a few words: two have to be written as 0 and 1."""
    words, target = sorted(pc.unique(plain(labels)).drop_null().to_pylist()), policy.data.target
    if len(words) > 2:
        expect_two_words(target, words)
    if len(words) == 2 and policy.data.task is Task.BINARY:
        both = f"{words[0]} and {words[1]}"
        raise BadInput(f"column {target} of {source} holds words, {both}; expected 0 and 1: write {words[1]} as 1 and {words[0]} as 0")
