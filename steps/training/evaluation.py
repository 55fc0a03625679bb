"""Models' answers to labelled rows, in the form that the gates compare; each model is asked in a
child process. Called by bootstrap, by trials and by the validate stage.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelmedic.steps.adapters.models.frames import features
from modelmedic.steps.contracts.inference_log import MODEL_VERSION, PREDICTION
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.core.statistics.metrics import blocks_of
from modelmedic.steps.core.tables.moments import seconds_of
from modelmedic.steps.core.validation.gates import ScoredRows
from modelmedic.steps.training.predict import ModelAnswers, ask_in_child


def ask_model(model: Path, policy: Policy, parts: tuple[pa.Table, ...], out: Path) -> tuple[ModelAnswers, tuple[np.ndarray, ...]]:
    """The model's answers to each part, from one process for all; no answers when the model does
    not load.
    """
    names = [name for name in policy.features if all(name in part.column_names for part in parts)]
    rows = pa.concat_tables([part.select(names) for part in parts], promote_options="permissive")
    asked = ask_in_child(model, policy, rows, out)
    if asked.answers is None:
        return asked, ()
    bounds = np.cumsum([part.num_rows for part in parts])[:-1]
    return asked, tuple(np.split(asked.answers, bounds))


def scored_rows(
    policy: Policy, rows: pa.Table, challenger: np.ndarray, champion: np.ndarray | None = None, *, newer: float | None = None
) -> ScoredRows:
    """The rows with the answers of one model or two, as the gates take them. `newer`: it is the
    challenger's twin that answered, and so much of the loss the rows are worth that it lacks.
    """
    frame = features(rows, policy)
    columns: dict[str, npt.NDArray[np.generic]] = {name: frame[name].to_numpy() for name in policy.features}
    seconds = seconds_of(rows[policy.data.time])
    target = np.asarray(rows[policy.data.target].to_numpy(), dtype=np.float64)
    name = "the challenger" if newer is None else "the challenger's twin"
    return ScoredRows(target, challenger, champion, blocks_of(seconds, len(target)), columns, name, newer or 0.0)


def with_answers(rows: pa.Table, version: str, answers: np.ndarray) -> pa.Table:
    """The rows as if the version had served them: its reference from its promotion on."""
    for name, column in ((PREDICTION, pa.array(answers)), (MODEL_VERSION, pa.array([version] * rows.num_rows))):
        rows = rows.set_column(rows.column_names.index(name), name, column)
    return rows
