"""The newest requests of the inference log, which a dark canary is asked again; called by the
canary.

Validation's own rows are as old as their labels. What is asked now may have values, types and
gaps that they have not, and it is what the canary is about to get.
"""

from datetime import timedelta
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.inference_log import MODEL_VERSION
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.runtime.run import Site
from modelmedic.steps.training.history import rows_within

LEAST: Final = 50  # requests; of fewer, two models' answers are not compared either
_SPANS: Final = (timedelta(hours=1), timedelta(days=1))  # read first, so that a busy log is not read for a week


def recent_requests(site: Site, version: str | None, most: int) -> pa.Table | None:
    """At most so many of the newest requests that the version has answered, by time, of the time
    that the policy's window covers; None where there are fewer than 50. What is set aside is left
    out: broken requests say nothing about a model.
    """
    rows = None
    for span in (*(each for each in _SPANS if each < site.policy.detect.window), site.policy.detect.window):
        rows = _answered(site, version, span, most)
        if rows.num_rows >= most:
            break
    return rows.slice(max(rows.num_rows - most, 0)) if rows is not None and rows.num_rows >= LEAST else None


def _answered(site: Site, version: str | None, span: timedelta, most: int) -> pa.Table:
    """The version's rows of the last `span`, evenly thinned to a few times as many as wanted."""
    now = site.clock.now()
    window = Window(now - span, now)
    rows = site.windows.table(window, limit=4 * most)
    rows = rows_within(rows, site.policy.data.time, window, site.history.quarantined(site.model))
    return rows.filter(pc.fill_null(pc.equal(rows[MODEL_VERSION], version or ""), False))
