"""The champion asked about shuffled rows, so that a diagnosis names first what matters to its
answers. Called by the diagnose stage once the remedy is decided: nothing of it changes that.
"""

import pyarrow as pa

from modelmedic.steps.contracts.detection import Roles, Thresholds
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.words import OF_THE_WORLD, Cause
from modelmedic.steps.core.diagnosis.attribution import MOST_COLUMNS, attributions, shuffled, weighted
from modelmedic.steps.core.statistics.shift import shifts
from modelmedic.steps.core.tables.log_columns import conform
from modelmedic.steps.core.tables.pairing import pair
from modelmedic.steps.core.tables.thinning import thin
from modelmedic.steps.runtime.run import Run
from modelmedic.steps.training.ask_version import ask_version

_LEAST_ROWS = 50  # of either window
_MEASURED = 5_000  # rows of each window, from which effects are taken


def attributed(run: Run, found: Diagnosis, champion: str | None, reference: pa.Table, current: pa.Table) -> Diagnosis:
    """The diagnosis with its columns by effect and attribution; `found` itself where the world is
    not to blame, no column is named, or the champion cannot be asked.
    """
    blamed = tuple(
        dict.fromkeys([*found.columns, *(c for each in found.runners_up if each.cause is Cause.COVARIATE_SHIFT for c in each.columns)])
    )
    if champion is None or found.cause not in OF_THE_WORLD or not blamed or min(reference.num_rows, current.num_rows) < _LEAST_ROWS:
        return found
    features = [name for name in run.site.policy.features if name in reference.column_names and name in current.column_names]
    columns = [name for name in dict.fromkeys([*blamed, *features]) if name in features][:MOST_COLUMNS]
    now = shuffled(current.select(features), columns)
    before = shuffled(_alike(reference.select(features), now.schema), columns)
    answers = ask_version(run.site, champion, pa.concat_tables([before, now]), "attributed")
    if answers is None:
        return found
    measured = attributions(columns, answers[: before.num_rows], answers[before.num_rows :])
    roles = Roles(categorical=tuple(run.site.policy.data.categorical))
    moved = shifts(pair(thin(reference.select(features), _MEASURED), thin(current.select(features), _MEASURED), roles), Thresholds())
    return weighted(found, {each.column: each.effect / each.threshold for each in moved}, measured)


def _alike(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """The rows with the types that the log holds."""
    return pa.Table.from_batches([conform(batch, schema) for batch in rows.to_batches()], schema)
