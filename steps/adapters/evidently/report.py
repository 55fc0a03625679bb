"""Evidently's drift report as one HTML page, for people; nothing is decided by it. Called by the
report stage, whose image alone has Evidently installed.

Evidently's API breaks often, so the release is pinned and everything that touches it is here. The
tests are pinned per column, because Evidently would choose them by the number of rows. Evidently
calls a missing column "no drift", so only shared columns are shown.
"""

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from modelmedic.steps.contracts.detection import ColumnOpinion
from modelmedic.steps.contracts.errors import BadInput

NUMBERS, CODES = "wasserstein", "jensenshannon"


class DriftPage(NamedTuple):
    """The page as HTML, and what it says of each column."""

    html: str
    columns: tuple[ColumnOpinion, ...]


def drift_page(
    reference: pa.Table,
    current: pa.Table,
    *,
    numeric: Sequence[str],
    categorical: Sequence[str],
    thresholds: Mapping[str, float] | None = None,
    least: float = 0.05,
) -> DriftPage:
    """The page for these columns of both tables, which should be small: at a million rows Evidently
    needs 2 GB.

    Raises BadInput when Evidently is not installed, and whatever Evidently raises.
    """
    try:
        return _drawn(reference, current, numeric, categorical, thresholds or {}, least)
    except ModuleNotFoundError as error:
        raise BadInput(f"the package {error.name} is not installed here; expected `pip install 'modelmedic[report]'`") from error


def _drawn(
    reference: pa.Table,
    current: pa.Table,
    numeric: Sequence[str],
    categorical: Sequence[str],
    thresholds: Mapping[str, float],
    least: float,
) -> DriftPage:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas and plotly, about Evidently's use of them
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataDriftPreset

        columns = [*numeric, *categorical]
        definition = DataDefinition(numerical_columns=list(numeric), categorical_columns=list(categorical))
        frames = [Dataset.from_pandas(_frame(table, numeric, categorical), data_definition=definition) for table in (reference, current)]
        preset = DataDriftPreset(
            columns=columns,
            per_column_method={name: NUMBERS if name in set(numeric) else CODES for name in columns},
            per_column_threshold={name: thresholds.get(name, least) for name in columns},
        )
        snapshot = Report([preset]).run(current_data=frames[1], reference_data=frames[0])
        return DriftPage(snapshot.get_html_str(as_iframe=False), tuple(_opinions(snapshot.dict())))


def _opinions(report: Mapping[str, Any]) -> Iterator[ColumnOpinion]:
    """Of the columns that Evidently could measure."""
    for metric in report["metrics"]:
        said = metric["config"]
        if said["type"].endswith(":ValueDrift") and math.isfinite(metric["value"]):
            yield ColumnOpinion(said["column"], said["method"], float(metric["value"]), float(said["threshold"]))


def _frame(table: pa.Table, numeric: Sequence[str], categorical: Sequence[str]) -> Any:
    """A pandas frame with infinities as missing, because Evidently has no bins for them."""
    import numpy as np

    frame = table.select([*numeric, *categorical]).to_pandas()
    return frame.replace([np.inf, -np.inf], np.nan)
