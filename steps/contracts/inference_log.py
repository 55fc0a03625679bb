"""The layout of requests with their answers, and of labels that arrive later, in the object store.

A log object is Parquet, one row per answered request row: the policy's features and its time column
as they were asked, and the columns below. Its key names the day and the span of its rows' times, so
that a reader finds a window without opening what lies outside of it; the rows of one object are of
one UTC day. Replayed requests are never logged.

A label object is Parquet with `request_id`, the policy's target column and `labelled_at`; its key
names the day and the span of `labelled_at`, for a label may come long after the request that it is
of.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.keys import slug
from modelmedic.steps.contracts.window import Window, utc

REQUEST_ID = "request_id"
PREDICTION = "prediction"  # the positive class's probability, or the value
MODEL_VERSION = "model_version"
SERVED_BY = "served_by"  # champion or canary; unknown where the predictor is not told, as in a cluster
ANSWERED_AT = "answered_at"  # when the predictor answered, which need not be the row's own time
LABELLED_AT = "labelled_at"

REPLAY_HEADER = "x-modelmedic-replay"  # a request with it is answered and counted apart, never logged
VERSION_HEADER = "x-modelmedic-version"  # on every answer
SERVED_BY_HEADER = "x-modelmedic-served-by"  # on every answer

_SPAN = re.compile(r".*/(?P<day>\d{4}-\d{2}-\d{2})/(?P<start>\d{8}T\d{6}Z)-(?P<end>\d{8}T\d{6}Z)-[a-z0-9-]+\.parquet")
_MOMENT = "%Y%m%dT%H%M%SZ"


def span_key(prefix: str, first: datetime, last: datetime, writer: str, number: int) -> str:
    """Key of one object whose rows' times lie in `[first, last]`, both of one UTC day; `writer` and
    `number` make it unique.
    """
    first, last = utc(first), utc(last)
    if first.date() != last.date() or last < first:
        raise BadInput(f"a log object spans {first.isoformat()} to {last.isoformat()}; expected a span within one UTC day")
    return f"{prefix}/{first:%Y-%m-%d}/{first:{_MOMENT}}-{last:{_MOMENT}}-{slug(writer)}-{number:06d}.parquet"


def span_of(key: str) -> Window | None:
    """The half-open span that the key states, whole seconds; None for a key that is of no log
    object.
    """
    match = _SPAN.fullmatch(key)
    if not match:
        return None
    try:
        start, end = (datetime.strptime(match[name], _MOMENT).replace(tzinfo=UTC) for name in ("start", "end"))
        return Window(start, end + timedelta(seconds=1)) if start <= end else None
    except (ValueError, OverflowError):  # no time at all, or the last second of the calendar
        return None


def days(prefix: str, window: Window) -> Iterator[str]:
    """The prefixes to list, day by day, that may hold objects with rows in `window`."""
    day, last = window.start.date(), (window.end - timedelta(microseconds=1)).date()
    for number in range((last - day).days + 1):
        yield f"{prefix}/{day + timedelta(days=number):%Y-%m-%d}/"
