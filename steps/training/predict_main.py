"""A model's answers to rows, from a process of its own that loads the model exactly as the
predictor does.

Called as `python -m modelmedic.steps.training.predict_main --model=DIR --policy=policy.json
--rows=rows.parquet --out=DIR`, because the process that holds the records never loads what a user's
training code wrote.
"""

import argparse
import itertools
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from modelmedic.steps.contracts.errors import ModelmedicError
from modelmedic.steps.contracts.policy import Policy

ANSWERS = "answers.f64"
ANSWER = np.dtype("<f8")  # one for each row, and nothing else in the file
REPORT = "report.json"
_SINGLE = 200  # requests of one row that are timed
_WARM = 10  # requests before them, which are not
_BATCH = 1_000  # rows of the request by whose end the memory is read, before all rows take theirs
_CHUNK = 10_000  # rows asked at once


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0; the report's `fault` says why there are no answers."""
    parser = argparse.ArgumentParser(
        prog="python -m modelmedic.steps.training.predict_main", description="Ask a model about rows and time it."
    )
    for name in ("model", "policy", "rows", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--single", type=int, default=_SINGLE, help="requests of one row that are timed")
    parser.add_argument("--allow-pickle", action="store_true")
    options = parser.parse_args(arguments)
    try:
        report = _answer(options)
    except ModelmedicError as error:
        report = {"fault": str(error)}
    except Exception as error:
        report = {"fault": f"the model cannot be asked: {type(error).__name__}: {error}"}
    (options.out / REPORT).write_text(json.dumps(report))
    return 0


def _answer(options: argparse.Namespace) -> dict[str, Any]:
    import pyarrow.parquet as pq

    from modelmedic.steps.adapters.models.loader import load_model
    from modelmedic.steps.predictor.columns import Columns
    from modelmedic.steps.predictor.inference import ServedModel

    policy = Policy.model_validate_json(options.policy.read_bytes())
    model = load_model(options.model, policy.data.task, allow_pickle=options.allow_pickle)
    answering = ServedModel(model, Columns(policy.data.time, policy.data.numeric, policy.data.categorical))
    for few in itertools.islice(pq.ParquetFile(options.rows).iter_batches(_BATCH), 1):
        _asked(answering, pa.Table.from_batches([few]))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    rows = pq.read_table(options.rows)
    parts = [_asked(answering, rows.slice(at, _CHUNK)) for at in range(0, rows.num_rows, _CHUNK)]
    (options.out / ANSWERS).write_bytes(b"".join(np.asarray(part, ANSWER).tobytes() for part in parts))
    times = _timed(answering, rows, options.single)
    return {
        "fault": "",
        "unpickled": model.unpickled,
        "inputs": [[each.name, each.kind] for each in model.inputs],
        "latency_p95_ms": sorted(times)[int(len(times) * 0.95)] if times else None,
        "requests": len(times),
        "memory": memory,
    }


def _asked(answering: Any, rows: pa.Table) -> Any:
    from modelmedic.steps.predictor.request import PredictionRequest

    columns = {name: rows[name].combine_chunks() for name in rows.column_names if name in answering.names}
    return answering.answer(PredictionRequest("rows", rows.num_rows, columns))


def _timed(answering: Any, rows: pa.Table, single: int) -> list[float]:
    """Milliseconds of requests of one row each, spread over the rows, without the first few, which
    warm the model up.
    """
    step = max(1, rows.num_rows // (single + _WARM))
    times = []
    for at in range(0, min(rows.num_rows, step * (single + _WARM)), step):
        row = rows.slice(at, 1)
        started = time.perf_counter()
        _asked(answering, row)
        times.append((time.perf_counter() - started) * 1000)
    return times[_WARM:] if len(times) > _WARM else times


if __name__ == "__main__":
    sys.exit(main())
