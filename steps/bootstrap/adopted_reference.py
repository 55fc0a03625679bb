"""The reference of a champion that is adopted: the rows that later windows are held against, as far
as anybody knows them.
"""

from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.errors import BadInput, NotFound
from modelmedic.steps.contracts.inference_log import MODEL_VERSION, span_of
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.data import snapshots
from modelmedic.steps.data.labelled import unserved_rows
from modelmedic.steps.runtime.run import Site
from modelmedic.steps.training.ask_version import ask_version
from modelmedic.steps.training.evaluation import with_answers
from modelmedic.steps.training.history import rows_within

_WINDOWS = 4  # of the policy's, that make a reference where the log has more
_MOST = 200_000  # rows of a reference


@dataclass(frozen=True, slots=True)
class AdoptedReference:
    """The rows of a reference to be, where they are from, and what is not known of them. `kept`: it
    was there already.
    """

    table: pa.Table
    source: str
    kept: bool = False
    unknown: tuple[str, ...] = ()


def find_reference(site: Site, model: ModelVersion, first: datetime | None, given: pa.Table | None, *, dry_run: bool) -> AdoptedReference:
    """The reference that is kept for the version, else the rows that its training says it was
    judged on, else the `given` labelled rows, else the first ones of its log, which begins at
    `first`. In a dry run no model is asked, and rows may lack its answers. Raises BadInput.
    """
    found = _kept(site, model) or _of_its_training(site, model, dry_run)
    return found or (_given(site, model, given, dry_run) if given is not None else _logged(site, model, first))


def expect_labelled(site: Site, table: pa.Table) -> pa.Table:
    """The labelled rows of the table. Raises BadInput when they are too few to compare with."""
    rows = unserved_rows(site.policy, table)
    if rows.num_rows < site.policy.detect.minRows:
        raise BadInput(f"the given table has {rows.num_rows} labelled rows; expected {site.policy.detect.minRows} or more (detect.minRows)")
    return rows


def first_logged(site: Site, model: ModelVersion) -> datetime | None:
    """The time of the first logged row that the version answered; None where there is none."""
    span, time, first = _log_span(site), site.policy.data.time, None
    for batch in site.windows.batches(span, (time, MODEL_VERSION)) if span is not None else ():
        earliest = pc.min(batch.filter(pc.fill_null(pc.equal(batch[MODEL_VERSION], model.version), False))[time]).as_py()
        first = min(each for each in (first, earliest) if each is not None) if earliest is not None else first
    return first


def own_rows(site: Site, model: ModelVersion, span: Window) -> pa.Table:
    """The labelled rows of the span that the version answered, without those that are set aside."""
    rows = site.windows.table(span, labelled_only=True, limit=_MOST)
    rows = rows_within(rows, site.policy.data.time, span, site.history.quarantined(site.model))
    return rows.filter(pc.fill_null(pc.equal(rows[MODEL_VERSION], model.version), False))


def _kept(site: Site, model: ModelVersion) -> AdoptedReference | None:
    try:
        return AdoptedReference(site.references.table(model.version), "the reference that is kept for it", kept=True)
    except NotFound:
        return None


def _of_its_training(site: Site, model: ModelVersion, dry_run: bool) -> AdoptedReference | None:
    """The rows that it was judged on when it was trained here, where the store still has them."""
    digest = model.tags.get("holdout")
    try:
        rows = snapshots.read_snapshot(site.store, digest) if digest else None
    except NotFound:
        return None
    source = "the rows that it was judged on when it was trained"
    if rows is None or dry_run:
        return AdoptedReference(rows, source) if rows is not None else None
    return _answered(site, model, rows, source)


def _given(site: Site, model: ModelVersion, rows: pa.Table, dry_run: bool) -> AdoptedReference:
    learnt = f"Whether version {model.version} learnt from the given rows; if it did, it looks better there than it is."
    made = AdoptedReference(rows, "the given rows") if dry_run else _answered(site, model, rows, "the given rows")
    if made is None:
        raise BadInput(f"version {model.version} of {site.model} cannot be asked about the given rows; without --data its log is taken")
    return replace(made, unknown=(learnt,))


def _answered(site: Site, model: ModelVersion, rows: pa.Table, source: str) -> AdoptedReference | None:
    answers = ask_version(site, model.version, rows, "adopted")
    return AdoptedReference(with_answers(rows, model.version, answers), source) if answers is not None else None


def _logged(site: Site, model: ModelVersion, first: datetime | None) -> AdoptedReference:
    """The first labelled rows that the version answered, four windows of them or as many as a
    verdict needs.
    """
    least, span = site.policy.detect.minRows, _log_span(site)
    rows = None
    if first is not None and span is not None:
        rows = own_rows(site, model, Window(first, first + _WINDOWS * site.policy.detect.window))
        rows = rows if rows.num_rows >= least else own_rows(site, model, Window(first, span.end)).slice(0, least)
    if rows is None or rows.num_rows < least:
        raise BadInput(
            f"{rows.num_rows if rows is not None else 0} labelled rows are logged that version {model.version} answered; expected {least} "
            "(detect.minRows). `modelmedic log` writes rows of the past into the log, and --data takes labelled rows as the reference"
        )
    well = f"Whether version {model.version} was right in the first rows of its log: later windows are held against them."
    return AdoptedReference(rows, "the first labelled rows of its log", unknown=(well,))


def _log_span(site: Site) -> Window | None:
    """From the first to the last row of the log; None for an empty one."""
    spans = [span for key in site.store.list(f"{site.policy.log_prefix}/") if (span := span_of(key)) is not None]
    return Window(min(span.start for span in spans), max(span.end for span in spans)) if spans else None
