"""A model asked in a child process (predict_main.py): its answers to the rows, and its fitness as a
server.
"""

import json
import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.core.validation.fitness import Fitness
from modelmedic.steps.training.predict_main import ANSWERS, REPORT
from modelmedic.steps.training.process import is_in_this_process, run_child, was_killed

_ALLOWED = timedelta(minutes=10)
_FEW = 1  # requests that are timed in this process, where times mean nothing
_ALLOW_PICKLE = "MODELMEDIC_ALLOW_PICKLE"


@dataclass(frozen=True)
class ModelAnswers:
    """`answers` holds one number per row, shape (n,), or is None and `fitness.fault` says why."""

    answers: np.ndarray | None
    fitness: Fitness


def ask_in_child(model: Path, policy: Policy, rows: pa.Table, out: Path) -> ModelAnswers:
    """Load the model folder as the predictor does and ask it about every row. `out` is a folder
    that does not exist yet.
    """
    out.mkdir(parents=True)
    (out / "policy.json").write_text(policy.model_dump_json(by_alias=True))
    pq.write_table(rows.select([name for name in policy.features if name in rows.column_names]), out / "rows.parquet")
    arguments = [f"--model={model}", f"--policy={out / 'policy.json'}", f"--rows={out / 'rows.parquet'}", f"--out={out}", "--tethered"]
    arguments += [f"--single={_FEW}"] if is_in_this_process() else []
    pickles = os.environ.get(_ALLOW_PICKLE, "").lower() == "true"
    code = run_child(["modelmedic.steps.training.predict_main", *arguments, *(["--allow-pickle"] if pickles else [])], out, _ALLOWED)
    return _read(code, out, rows.num_rows)


def _read(code: int | None, out: Path, rows: int) -> ModelAnswers:
    try:
        report = json.loads((out / REPORT).read_text())
    except (OSError, ValueError):
        why = (
            "took too long"
            if code is None
            else "was killed, most likely for want of memory"
            if was_killed(code)
            else f"ended with exit code {code}"
        )
        return ModelAnswers(None, Fitness(f"the process that loaded the model {why}"))
    if report["fault"]:
        return ModelAnswers(None, Fitness(" ".join(str(report["fault"]).split())[:400]))
    answers = np.asarray(pq.read_table(out / ANSWERS)["answer"].to_numpy(), dtype=np.float64)
    if len(answers) != rows:
        return ModelAnswers(None, Fitness(f"the model answered {len(answers)} of {rows} rows"))
    inputs = tuple((str(name), str(kind)) for name, kind in report["inputs"])
    return ModelAnswers(answers, Fitness("", bool(report["unpickled"]), inputs, report["latency_p95_ms"], int(report["requests"])))
