"""Models in this process, trained and asked by a replay."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from modelmedic.steps.adapters.models.frames import features, training_frame
from modelmedic.steps.adapters.models.loader import ALLOW_PICKLE, load_model
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.core.tables.thinning import thin
from modelmedic.steps.training.train import train_in_child

Floats = npt.NDArray[np.float64]
Predict = Callable[[pa.Table], Floats]  # one number per row

MOST_ROWS = 1_000_000  # evenly thinned above


def load(folder: Path, policy: Policy, *, trusted: bool = False) -> Predict:
    """Load the model in the folder; a `trusted` model may be unpickled. Raises BadInput or Refused
    as a predictor would.
    """
    allowed = trusted or os.environ.get(ALLOW_PICKLE, "").lower() == "true"
    model = load_model(folder, policy.data.task, allow_pickle=allowed)
    return _of_any_rows(lambda rows: np.asarray(model.ask(features(rows, policy)), dtype=np.float64))


def train_on(policy: Policy, rows: pa.Table, place: Path) -> Predict:
    """Train a model on the rows: the built-in one in this process, a user's training function in a
    child process.

    `place` is a folder that does not exist yet. Raises BadInput when the training leaves no model.
    """
    rows = thin(rows, MOST_ROWS).select([*policy.features, policy.data.target, policy.data.time])
    return _builtin(policy, rows) if policy.retrain.entrypoint == "builtin" else _apart(policy, rows, place)


def _of_any_rows(predict: Predict) -> Predict:
    """The same answers, and none for no rows: a past has windows without rows, and scikit-learn
    refuses an empty table.
    """
    return lambda rows: predict(rows) if rows.num_rows else np.empty(0)


def _builtin(policy: Policy, rows: pa.Table) -> Predict:
    from modelmedic.steps.adapters.models.builtin import train
    from modelmedic.steps.adapters.models.loader import one_number
    from modelmedic.steps.contracts.words import Task

    model = train(training_frame(rows, policy), policy)
    answer = model.predict_proba if policy.data.task is Task.BINARY else model.predict
    return _of_any_rows(lambda asked: one_number(answer(features(asked, policy)), asked.num_rows))


def _apart(policy: Policy, rows: pa.Table, place: Path) -> Predict:
    place.mkdir(parents=True)
    pq.write_table(rows, place / "train.parquet")
    made = train_in_child(place / "train.parquet", policy, place / "out")
    if made.folder is None:
        raise BadInput(made.sentence)
    return load(made.folder, policy, trusted=True)
