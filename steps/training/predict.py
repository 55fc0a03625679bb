"""A model asked in a child process (predict_main.py): its answers to the rows, and its fitness as a
server.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from modelmedic.steps.adapters.models.plain_files import read_json, read_plain, sentence
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.core.validation.fitness import Fitness
from modelmedic.steps.training.predict_main import ANSWER, ANSWERS, REPORT
from modelmedic.steps.training.process import is_in_this_process, run_child, was_killed

_ALLOWED = timedelta(minutes=10)
_FEW = 1  # requests that are timed in this process, where times mean nothing
_LARGEST_REPORT = 4 << 20  # bytes; it names every input of the model
_LONGEST = 400  # characters of a sentence or a name
_ALLOW_PICKLE = "MODELMEDIC_ALLOW_PICKLE"


@dataclass(frozen=True)
class ModelAnswers:
    """`answers` holds one number per row, shape (n,), or is None and `fitness.fault` says why."""

    answers: np.ndarray | None
    fitness: Fitness


def allows_pickle() -> bool:
    """True where an operator has said that the makers of models are trusted."""
    return os.environ.get(_ALLOW_PICKLE, "").lower() == "true"


def ask_in_child(model: Path, policy: Policy, rows: pa.Table, out: Path, *, timed: bool = True) -> ModelAnswers:
    """Load the model folder as the predictor does and ask it about every row. `out` is a folder
    that does not exist yet. Only where the model is to be `timed`, requests of one row are.
    """
    out.mkdir(parents=True)
    (out / "policy.json").write_text(policy.model_dump_json(by_alias=True))
    pq.write_table(rows.select([name for name in policy.features if name in rows.column_names]), out / "rows.parquet")
    arguments = [f"--model={model}", f"--policy={out / 'policy.json'}", f"--rows={out / 'rows.parquet'}", f"--out={out}"]
    arguments += [f"--single={_FEW}"] if is_in_this_process() or not timed else []
    arguments += ["--allow-pickle"] if allows_pickle() else []
    code = run_child(["modelmedic.steps.training.predict_main", *arguments], out, _ALLOWED, [model])
    return _read(code, out, rows.num_rows, _size(model))


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def _read(code: int | None, out: Path, rows: int, size: int) -> ModelAnswers:
    """The answers that the child left. A model whose maker is trusted ran code of its own there, so
    that anything may lie in `out`.
    """
    try:
        report = read_json(out / REPORT, _LARGEST_REPORT)
        fault = sentence(report["fault"], _LONGEST)
        if fault:
            return ModelAnswers(None, Fitness(fault))
        fitness = _fitness(report, size)
        data = read_plain(out / ANSWERS, rows * ANSWER.itemsize)
    except (BadInput, OSError, ValueError, KeyError, TypeError, OverflowError):
        return ModelAnswers(None, Fitness(f"the process that loaded the model {_end(code)}"))
    answers = np.frombuffer(data[: len(data) // ANSWER.itemsize * ANSWER.itemsize], ANSWER)
    if len(answers) != rows:
        return ModelAnswers(None, Fitness(f"the model answered {len(answers)} of {rows} rows"))
    return ModelAnswers(answers.astype(np.float64), fitness)


def _fitness(report: Mapping[str, Any], size: int) -> Fitness:
    """Raises KeyError, ValueError or TypeError for a report that is none. A process that does more
    than ask the model cannot tell what the model takes.
    """
    latency, memory = report["latency_p95_ms"], None if is_in_this_process() else int(report["memory"])
    inputs = tuple((sentence(name, _LONGEST), sentence(kind, _LONGEST)) for name, kind in report["inputs"])
    p95 = None if latency is None else float(latency)
    return Fitness("", bool(report["unpickled"]), inputs, p95, int(report["requests"]), memory, size)


def _end(code: int | None) -> str:
    if code is None:
        return "took too long"
    if was_killed(code):
        return "was killed, most likely for want of memory"
    return "left no report that can be read" if code == 0 else f"ended with exit code {code}"
