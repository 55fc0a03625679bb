"""Feeding the inference log and the labels from a person's own rows, object by object, with word of
what was there already.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.inference_log import LABELLED_AT, REQUEST_ID
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import Clock, ObjectStore
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.data.backfill import LogObject, created
from modelmedic.steps.data.windows import LoggedWindows


@dataclass(frozen=True, slots=True)
class FedObject:
    """An object with rows whose times lie in `[first, last]`; `new` is false when the very same
    rows were there before.
    """

    key: str
    rows: int
    first: datetime
    last: datetime
    new: bool


def feed(store: ObjectStore, objects: Iterable[LogObject], *, dry_run: bool = False) -> tuple[FedObject, ...]:
    """Write what is not there yet; in a dry run only look."""
    return tuple(
        FedObject(each.key, each.rows, each.first, each.last, _missing(store, each) if dry_run else created(store, each))
        for each in objects
    )


def joined(store: ObjectStore, policy: Policy, clock: Clock, labels: pa.Table, requests: pa.Table | None = None) -> str:
    """The sentence on how many of these labels find a request: in the log, of a detection window
    and a label's delay before the first of them until the last, or in `requests`, which are to be
    logged.
    """
    span = pc.min_max(labels[LABELLED_AT]).as_py()
    window = Window(span["min"] - policy.data.labels.delay - policy.detect.window, span["max"] + timedelta(seconds=1))
    ids = [batch.column(REQUEST_ID) for batch in LoggedWindows(store, policy, clock).batches(window, [REQUEST_ID])]
    ids += requests[REQUEST_ID].chunks if requests is not None else []
    known = pc.sum(pc.is_in(labels[REQUEST_ID], value_set=pa.chunked_array(ids, pa.string()).combine_chunks())).as_py()
    said = f"{known} of {labels.num_rows} labels are of requests that are logged from {window.start:%Y-%m-%d} on"
    return said if known else f"{said}: of a row that our predictor answered, the id is the request's and the row's number, such as r-1-0"


def _missing(store: ObjectStore, each: LogObject) -> bool:
    return next(store.list(each.key), None) != each.key
