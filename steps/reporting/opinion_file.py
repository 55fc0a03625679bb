"""The page of an opinion on two files, written to disk; called by the `--report` option of
the CLI.
"""

import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from modelmedic.steps.adapters.tables.read import is_parquet, read_table
from modelmedic.steps.contracts.decision import Decision
from modelmedic.steps.contracts.detection import Roles, Verdict
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.core.profiles.layout_choice import recognise_roles
from modelmedic.steps.core.tables.thinning import thin
from modelmedic.steps.reporting.comparison import compare
from modelmedic.steps.reporting.opinion import opinion_page

SAMPLE = 20_000  # rows of each file that the pictures are drawn from, spread evenly
_BATCH = 65_536


def write_opinion(
    page: Path,
    reference: Path,
    current: Path,
    roles: Roles,
    *,
    verdict: Verdict | None = None,
    diagnosis: Diagnosis | None = None,
    decision: Decision | None = None,
) -> None:
    """Write the page over any older one. Raises BadInput when it is one of the two files, or cannot
    be written.
    """
    if page.exists() and any(file.exists() and page.samefile(file) for file in (reference, current)):
        raise BadInput(f"--report names {page}, which is one of the two files that are compared; expected a path of its own")
    first, second = sampled(reference), sampled(current)
    comparison = compare(
        first,
        second,
        recognise_roles(roles, first.column_names),
        blamed=diagnosis.columns if diagnosis else (),
        segment=diagnosis.segment if diagnosis else None,
        measured=verdict.shifts if verdict else (),
    )
    text = opinion_page(str(reference), str(current), comparison=comparison, verdict=verdict, diagnosis=diagnosis, decision=decision)
    try:
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--report names {page}, which cannot be written ({error.strerror or error})") from error


def sampled(path: Path) -> pa.Table:
    """At most SAMPLE rows, spread evenly; Parquet is streamed, so that its size does not matter.
    Raises BadInput.
    """
    if not path.is_file() or not is_parquet(path):
        return thin(read_table(path)[0], SAMPLE)
    try:
        with pq.ParquetFile(path) as file:
            step = max(math.ceil(file.metadata.num_rows / SAMPLE), 1)
            kept, passed = [], 0
            for batch in file.iter_batches(_BATCH):
                places = range((-passed) % step, batch.num_rows, step)
                kept.append(batch.take(pa.array(places, pa.int64())))
                passed += batch.num_rows
            return pa.Table.from_batches(kept, file.schema_arrow)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(f"file {path} cannot be read as Parquet: {str(error).splitlines()[0][:200]}") from error
