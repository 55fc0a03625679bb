"""The windows that the monitor compares, as counts of the rows that the champion answered, without
the quarantined ones.

Where a predictor does not know that it is a canary, as in a cluster, the releases tell: a version
answers as a canary until it has a release.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.inference_log import MODEL_VERSION, PREDICTION, SERVED_BY
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.profiles.layout import Layout
from modelmedic.steps.core.profiles.profile import Profile
from modelmedic.steps.core.profiles.profiler import Profiler
from modelmedic.steps.core.tables.moments import MOMENT
from modelmedic.steps.runtime.run import Site

_MOST_LABELLED = 500_000  # rows that the loss is taken from, spread evenly over the window


@dataclass(frozen=True, slots=True)
class LabelledWindow:
    """The newest window whose labels have matured; without one, the window whose labels are due."""

    window: Window
    profile: Profile
    lag: timedelta = timedelta(0)  # from the newest row with a label to the newest row whose label is due
    newest: tuple[Profile, Profile] | None = None  # all rows of the current window and those with a label, where its labels were read

    @property
    def maturity(self) -> float:
        """Share of the rows that have a label, 0..1."""
        return self.profile.labels / self.profile.rows if self.profile.rows else 0.0


def current_profile(site: Site, layout: Layout, window: Window) -> Profile:
    """The champion's rows of the window, labels aside."""
    data = site.policy.data
    profiler = Profiler(layout)
    aside, released = site.history.quarantined(site.model), first_releases(site)
    for batch in site.windows.batches(window, (*site.policy.features, data.time, PREDICTION, MODEL_VERSION, SERVED_BY)):
        profiler.add(champion_rows(batch, data.time, aside, released))
    return profiler.result()


def labelled_profile(site: Site, layout: Layout, window: Window) -> LabelledWindow:
    """Loss and labels of `window`; of the window one label delay earlier while the labels of
    `window` have not matured.
    """
    labels = site.policy.data.labels
    newest = None
    if labels.delay <= (1 - labels.maturity) * window.length:
        found = _labelled(site, layout, window, apart=True)
        if found.maturity >= labels.maturity or not labels.delay:
            return found
        newest = found.newest
    return replace(_labelled(site, layout, Window(window.start - labels.delay, window.end - labels.delay)), newest=newest)


def _labelled(site: Site, layout: Layout, window: Window, *, apart: bool = False) -> LabelledWindow:
    """`apart` counts the rows with a label by themselves as well, unless all have one."""
    time, target = site.policy.data.time, site.policy.data.target
    aside, released = site.history.quarantined(site.model), first_releases(site)
    table = site.windows.table(window, limit=_MOST_LABELLED)
    names = dict.fromkeys([time, PREDICTION, MODEL_VERSION, SERVED_BY, target, *(cut.column for cut in layout.cuts)])
    table = table.select([name for name in names if name in table.column_names])
    batches = [champion_rows(batch, time, aside, released) for batch in table.to_batches(max_chunksize=65_536)]
    profiler = Profiler(layout, [PREDICTION])
    for batch in batches:
        profiler.add(batch)
    rows, whole = pa.Table.from_batches(batches, schema=table.schema), profiler.result()
    lag = _lag(rows, time, target, site.clock.now() - site.policy.data.labels.delay)
    known = rows.filter(pc.is_valid(rows[target])) if apart and whole.labels < whole.rows else None
    return LabelledWindow(window, whole, lag, (whole, _answers(layout, known)) if known is not None else None)


def _answers(layout: Layout, rows: pa.Table) -> Profile:
    profiler = Profiler(replace(layout, time=None, rich=(), cuts=()), [PREDICTION])
    for batch in rows.to_batches():
        profiler.add(batch)
    return profiler.result()


def _lag(rows: pa.Table, time: str, target: str, due: datetime) -> timedelta:
    owed: datetime | None = pc.max(rows.filter(pc.less_equal(rows[time], pa.scalar(due, MOMENT)))[time]).as_py()
    known: datetime | None = pc.max(rows.filter(pc.is_valid(rows[target]))[time]).as_py()
    if owed is None:
        return timedelta(0)
    first: datetime = pc.min(rows[time]).as_py()
    return max(owed - (known or first), timedelta(0))


def first_releases(site: Site) -> Mapping[str, datetime | None]:
    """The first release of each version; None for the version before all records, or of the first
    record, which served long before.
    """
    releases = site.history.releases(site.model)
    found: dict[str, datetime | None] = {releases[0].previous or releases[0].version: None} if releases else {}
    for release in releases:
        found.setdefault(release.version, release.at)
    return found


def champion_rows(batch: pa.RecordBatch, time: str, aside: Iterable[Window], released: Mapping[str, datetime | None]) -> pa.RecordBatch:
    """The rows that no canary answered and that lie in no quarantined span.

    Where the log does not name the role that answered, a version without a release by then was a
    canary; without any release every row is kept.
    """
    keep = np.ones(batch.num_rows, dtype=bool)
    if SERVED_BY in batch.schema.names:
        keep &= ~_holds(pc.equal(batch.column(SERVED_BY), "canary"))
        if released and MODEL_VERSION in batch.schema.names:
            unknown = _holds(pc.equal(batch.column(SERVED_BY), "unknown"))
            if unknown.any():
                keep &= ~unknown | _released(batch.column(MODEL_VERSION), batch.column(time), released)
    for span in aside:
        low, high = (pa.scalar(moment, MOMENT) for moment in (span.start, span.end))
        keep &= ~_holds(pc.and_(pc.greater_equal(batch.column(time), low), pc.less(batch.column(time), high)))
    return batch if keep.all() else batch.filter(pa.array(keep))


def _released(versions: pa.Array, times: pa.Array, released: Mapping[str, datetime | None]) -> np.ndarray:
    """True for rows whose version had a release by the row's time, and for rows that name no
    version.
    """
    found = ~_holds(pc.is_valid(versions))
    for version, at in released.items():
        its = pc.equal(versions, version)
        found |= _holds(its if at is None else pc.and_(its, pc.greater_equal(times, pa.scalar(at, MOMENT))))
    return found


def _holds(mask: pa.Array) -> np.ndarray:
    return np.asarray(pc.fill_null(mask, False).to_numpy(zero_copy_only=False))
