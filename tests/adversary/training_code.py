"""Training code that hangs its parent, feeds it endless files, floods the log or leaves processes
behind. Each time the parent has one sentence soon, little memory is taken and no process is left.
"""

import os
import resource
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from modelmedic.steps.training.process import LOG_FILE
from modelmedic.steps.training.scratch import fresh_folder
from modelmedic.steps.training.train import TrainingOutcome, train_in_child
from tests.adversary import hostile_training
from tests.adversary.attack import HELD, Attack, Result, not_held
from tests.worlds.training import START, policy, rows

_ALLOWED: Final = timedelta(seconds=8)
_SOON: Final = 20.0  # seconds after the time that the training had
_MOST_LOG: Final = 2 << 20  # bytes
_MOST_MEMORY: Final = 256 << 20  # bytes more than before
_LONGEST: Final = 600  # characters


def attacks(seed: int) -> Iterator[Attack]:
    del seed  # nothing here is drawn
    for kind, functions in (
        ("report", hostile_training.LEFT),
        ("model", hostile_training.MODELS),
        ("processes", hostile_training.OUTLIVING),
    ):
        for name, (words, _) in functions.items():
            yield Attack(f"{kind}: {words}", "training_code", partial(_try, name), seconds=_ALLOWED.total_seconds() + 40)


def _try(name: str, folder: Path) -> Result:
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    trained = trained_by(f"tests.adversary.hostile_training:{name}", folder)
    took = time.monotonic() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    fault = _fault(trained, folder / "out", took, grown)
    fresh_folder(folder / "out")
    return not_held(fault) if fault else HELD


def trained_by(entrypoint: str, folder: Path) -> TrainingOutcome:
    """The outcome of a training by the function, on a few hundred rows, below the folder."""
    rules = policy(retrain={"entrypoint": entrypoint})
    table = rows(START, START + timedelta(days=4), rules)
    pq.write_table(table.select([*rules.features, "left", "at"]), folder / "train.parquet")
    return train_in_child(folder / "train.parquet", rules, folder / "out", timeout=_ALLOWED)


def _fault(trained: TrainingOutcome, out: Path, took: float, grown: int) -> str | None:
    if trained.folder is not None:
        return "it was taken for a model"
    if not trained.sentence.isprintable() or len(trained.sentence) > _LONGEST:
        return f"it says {trained.sentence[:_LONGEST]!r}"
    if took > _ALLOWED.total_seconds() + _SOON:
        return f"it took {took:.0f} s"
    if grown > _MOST_MEMORY:
        return f"it took {grown >> 20} MiB of memory"
    if (out / LOG_FILE).stat().st_size > _MOST_LOG:
        return f"its log has {(out / LOG_FILE).stat().st_size} bytes"
    alive = [pid for pid in _left(out) if _runs(pid)]
    return f"{len(alive)} processes are left" if alive else None


def _left(out: Path) -> list[int]:
    try:
        return [int(line) for line in (out / "home" / "left").read_text().split()]
    except FileNotFoundError:
        return []


def _runs(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status[0] not in "ZX" and int(status[1]) != os.getpid()
