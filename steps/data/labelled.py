"""A person's table of labelled rows, made into the rows of a logged window."""

import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.inference_log import REQUEST_ID, SERVED_BY
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.core.tables.log_columns import conform, log_schema


def _rows(policy: Policy, table: pa.Table) -> pa.Table:
    """The labelled rows with the columns of a logged window, by time; they were answered by nobody
    yet.
    """
    data = policy.data
    absent = [name for name in (data.time, data.target, *policy.features) if name not in table.column_names]
    if absent:
        raise BadInput(f"column {absent[0]} is not among the rows ({', '.join(table.column_names[:30])}); the policy names it")
    schema = log_schema(policy, target=True)
    rows = pa.Table.from_batches([conform(batch, schema) for batch in table.combine_chunks().to_batches()], schema=schema)
    _expect_types(table, rows, policy)
    rows = rows.filter(pc.and_(pc.is_valid(rows[data.time]), pc.is_valid(rows[data.target]))).sort_by(data.time)
    filled = {REQUEST_ID: [f"bootstrap-{number:08d}" for number in range(rows.num_rows)], SERVED_BY: [None] * rows.num_rows}
    for name, values in filled.items():
        rows = rows.set_column(rows.column_names.index(name), name, pa.array(values, pa.string()))
    return rows


def _expect_types(table: pa.Table, rows: pa.Table, policy: Policy) -> None:
    """A value that was lost on its way to a number is a wrong column, not a null."""
    for name in (*policy.data.numeric, policy.data.target, policy.data.time):
        lost = rows[name].null_count - table[name].null_count
        if lost:
            kind = "time" if name == policy.data.time else "number"
            raise BadInput(f"column {name} holds {table[name].type} of which {lost} of {rows.num_rows} are no {kind}; expected {kind}s")
