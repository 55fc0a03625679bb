"""The report stage: Evidently's report of the window, beside the incident page, and our verdict
cross-checked by Evidently's. No decision waits for it, and a failure has no consequence.

In a pod the report is drawn when the stage runs; the local engine has it drawn beside the stages
before it (`begin`).
"""

import contextlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from modelmedic.steps.contracts.detection import Verdict
from modelmedic.steps.contracts.errors import BadInput, Conflict, ModelmedicError
from modelmedic.steps.contracts.inference_log import PREDICTION
from modelmedic.steps.contracts.keys import model_hash, report_key
from modelmedic.steps.contracts.results import DiagnoseResult, ReportResult
from modelmedic.steps.core.detection.cross_check import disagreements
from modelmedic.steps.records.verdicts import verdict_of
from modelmedic.steps.runtime.reference import champion_reference
from modelmedic.steps.runtime.run import Outputs, Run

SAMPLE = 5_000  # rows of each window; drawn evenly by the seed of the incident's number
_FILE = "evidently.html"


def begin(run: Run) -> None:
    """Have the report drawn by a process beside this one, for `report` to collect. A failure here
    is left to `report`, which tries again and says why.
    """
    with contextlib.suppress(Exception):
        inputs = _drawing_inputs(run)
        run.drawing = (inputs, run.site.painter.draw(**inputs))


def report(run: Run) -> Outputs:
    """Store Evidently's report, or say why there is none; neither fails the stage."""
    if (done := run.outputs("report")) is not None:
        return done
    try:
        written = _write(run)
    except ModelmedicError as error:
        written = _without(run, str(error))
    except Exception as error:  # whatever Evidently and pandas raise about data that may be broken in any way
        written = _without(run, f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}")
    return run.record(written).outputs


def _without(run: Run, why: str) -> ReportResult:
    run.note("evidently.failed", error=why)
    run.site.say(f"no Evidently report of {run.incident.id}: {why}")
    return ReportResult()


def _write(run: Run) -> ReportResult:
    from modelmedic.steps.adapters.evidently.report import drift_page

    key = report_key(model_hash(run.incident.model), run.incident.epoch, _FILE)
    inputs, drawn = run.drawing or (_drawing_inputs(run), None)
    page = drawn.result() if drawn else drift_page(**inputs)
    with contextlib.suppress(Conflict):  # an earlier run wrote it and was killed before it could say so
        run.site.store.create(key, page.html.encode())
    rows = [inputs["reference"].num_rows, inputs["current"].num_rows]
    verdict = _verdict(run)
    differs = disagreements(verdict.shifts, page.columns) if verdict is not None else ()
    columns = [*inputs["numeric"], *inputs["categorical"]]
    run.once("evidently.written", "report", page=key, rows=rows, columns=columns, differs=differs)
    return ReportResult((key,), page.columns, differs)


def _verdict(run: Run) -> Verdict | None:
    """The monitor's verdict on the incident's window; None for an incident that a person opened."""
    diagnosed = run.result_if_any(DiagnoseResult)
    if diagnosed is None or diagnosed.champion is None:
        return None
    return verdict_of(run.site.store, run.site.model, diagnosed.champion, run.incident.window.end, run.incident.policy_hash)


def _drawing_inputs(run: Run) -> dict[str, Any]:
    """The arguments of `drift_page`: two samples, the columns in both and the thresholds. Raises
    BadInput when there is no column to draw, so that nothing is started for it.
    """
    site = run.site
    reference = _sample(champion_reference(site).table, run.incident.epoch)
    current = _sample(site.windows.table(run.incident.window, limit=20 * SAMPLE), run.incident.epoch)
    numeric = [n for n in (*site.policy.data.numeric, PREDICTION) if _shown(n, reference, current, number=True)]
    categorical = [n for n in site.policy.data.categorical if _shown(n, reference, current, number=False)]
    if not numeric and not categorical:
        raise BadInput(f"no column has values both in the reference and in {run.incident.window}")
    thresholds = dict(site.policy.detect.effects)
    return {"reference": reference, "current": current, "numeric": numeric, "categorical": categorical, "thresholds": thresholds}


def _sample(table: pa.Table, seed: int) -> pa.Table:
    if table.num_rows <= SAMPLE:
        return table
    chosen = np.random.default_rng(seed).choice(table.num_rows, SAMPLE, replace=False)
    return table.take(pa.array(np.sort(chosen)))


def _shown(name: str, *tables: pa.Table, number: bool) -> bool:
    """True when every table has the column, of the kind that the policy says, with a value that can
    be drawn.
    """
    if not all(name in table.column_names for table in tables):
        return False
    if number:
        return all(kinds.is_floating(t[name].type) and pc.any(pc.is_finite(t[name])).as_py() for t in tables)
    return all(table[name].null_count < table.num_rows for table in tables)
