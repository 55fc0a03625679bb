"""Labelled rows to learn from: the logged rows since the model serves, and before those the rows of
the bootstrap. Called by the stages diagnose and retrain.
"""

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.inference_log import MODEL_VERSION, PREDICTION
from modelmedic.steps.contracts.keys import reference_key
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.tables.log_columns import conform
from modelmedic.steps.data import snapshots
from modelmedic.steps.records.documents import put, read
from modelmedic.steps.runtime.run import Site

_FIRST = "first"  # in place of a version: the key is written before any version has a number
_PART = "taught.json"


def remember_bootstrap_rows(site: Site, snapshot: str) -> None:
    """Keep the digest of the rows that trained and judged a first champion; the last one stands."""
    put(site.store, reference_key(site.model, _FIRST, _PART), {"snapshot": snapshot})


def bootstrap_rows(site: Site) -> str | None:
    """The digest of the rows that are remembered as those of a first champion; None for none."""
    kept: dict[str, str] | None = read(site.store, dict[str, str], reference_key(site.model, _FIRST, _PART))
    return kept["snapshot"] if kept is not None else None


def labelled_history(site: Site, span: Window, limit: int) -> pa.Table:
    """Labelled rows of the span by time, at most `limit` of them logged. Rows from before the log
    have no prediction and no model version.
    """
    return _with_bootstrap(site, site.windows.table(span, labelled_only=True, limit=limit), span)


def _with_bootstrap(site: Site, logged: pa.Table, span: Window) -> pa.Table:
    kept = bootstrap_rows(site)
    if kept is None:
        return logged
    until = pc.min(logged[site.policy.data.time]).as_py() if logged.num_rows else span.end
    before = _before(site, snapshots.read_snapshot(site.store, kept), Window(span.start, max(until, span.start)), logged.schema)
    return pa.concat_tables([before, logged])


def earlier_rows(site: Site, span: Window, limit: int) -> pa.Table:
    """The rows of the span, labelled or not, without quarantined spans; at most `limit` of them
    logged. Before the log stand the rows of the bootstrap.
    """
    rows = _with_bootstrap(site, site.windows.table(span, limit=limit), span)
    return rows_within(rows, site.policy.data.time, span, site.history.quarantined(site.model))


def _before(site: Site, rows: pa.Table, span: Window, schema: pa.Schema) -> pa.Table:
    rows = rows_within(rows, site.policy.data.time, span)
    for name in (PREDICTION, MODEL_VERSION):
        rows = rows.set_column(rows.column_names.index(name), name, pa.nulls(rows.num_rows, rows.schema.field(name).type))
    return pa.Table.from_batches([conform(batch, schema) for batch in rows.combine_chunks().to_batches()], schema=schema)


def rows_within(rows: pa.Table, time: str, window: Window, excluded: Sequence[Window] = ()) -> pa.Table:
    """The rows of the window that lie in no excluded window; `time` names the column of their
    times.
    """
    times = rows[time]
    keep = _inside(times, window)
    for span in excluded:
        keep = pc.and_(keep, pc.invert(_inside(times, span)))
    return rows.filter(keep)


def _inside(times: pa.ChunkedArray, window: Window) -> pa.ChunkedArray:
    def bound(moment: datetime) -> pa.Scalar:
        return pa.scalar(moment, times.type)

    return pc.and_(pc.greater_equal(times, bound(window.start)), pc.less(times, bound(window.end)))
