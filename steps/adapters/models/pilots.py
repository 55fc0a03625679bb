"""Pilots: small boosted trees that are taught to measure how models of this stream age, and that
never serve. Called by the monitor's looks at the ageing.

At most 4,000 rows teach one, drawn by their age: a pilot takes a fifth of a second, whatever the
training of the served model takes. A pilot is kept as long as the process lives, by the rows that
taught it.
"""

from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelmedic.steps.adapters.models.frames import features
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.tables.arrays import Floats
from modelmedic.steps.core.tables.row_loss import row_loss

_TREES: Final = 40
_MOST_CODES: Final = 250  # of a column: the trees take 255; rarer codes count as missing
_KEPT: Final = 64  # pilots


@dataclass(frozen=True)
class _Pilot:
    """A taught model, or the constant that it is where all labels are alike."""

    model: Any
    codes: tuple[npt.NDArray[Any], ...]
    constant: float | None = None


class Pilots:
    """Pilots by what taught them, the least recently asked forgotten first. At most `most` rows are
    to teach one.
    """

    most: Final = 4_000

    def __init__(self) -> None:
        self._taught: OrderedDict[str, _Pilot] = OrderedDict()

    def losses(self, policy: Policy, taught: pa.Table, asked: pa.Table) -> Floats:
        """The loss on each of the rows `asked`, shape (n,), of the pilot that learnt from the rows
        `taught`. Both hold the features and known labels. Raises BadInput for a feature that is no
        number.
        """
        pilot = self._pilot(policy, taught)
        target = _labels(policy, asked)
        if pilot.constant is not None:
            return row_loss(policy.data.task, target, np.full(len(target), pilot.constant))
        rows = _matrix(policy, asked, pilot.codes)
        answers = pilot.model.predict_proba(rows)[:, 1] if policy.data.task is Task.BINARY else pilot.model.predict(rows)
        return row_loss(policy.data.task, target, np.asarray(answers, dtype=np.float64))

    def _pilot(self, policy: Policy, taught: pa.Table) -> _Pilot:
        named = [name for name in (*policy.features, policy.data.target) if name in taught.column_names]  # `_teach` refuses a gap
        key = _fingerprint(taught.select(named))
        if key not in self._taught:
            self._taught[key] = _teach(policy, taught, _labels(policy, taught))
            while len(self._taught) > _KEPT:
                self._taught.popitem(last=False)
        self._taught.move_to_end(key)
        return self._taught[key]


def _fingerprint(rows: pa.Table) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows.combine_chunks())
    return sha256(sink.getvalue()).hexdigest()


def _teach(policy: Policy, taught: pa.Table, target: Floats) -> _Pilot:
    if np.ptp(target) == 0:
        return _Pilot(None, (), float(target[0]))
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    frame = features(taught, policy)
    codes = tuple(_common(frame[name].to_numpy(dtype=object)) for name in policy.data.categorical)
    kind = HistGradientBoostingClassifier if policy.data.task is Task.BINARY else HistGradientBoostingRegressor
    numbers = len(policy.data.numeric)
    model = kind(
        max_iter=_TREES,
        learning_rate=0.15,
        early_stopping=False,
        categorical_features=list(range(numbers, numbers + len(codes))) or None,
        random_state=0,
    )
    return _Pilot(model.fit(_matrix(policy, taught, codes), target), codes)


def _common(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The most frequent codes of a column, sorted."""
    found, counts = np.unique(np.asarray([value for value in values if value is not None], dtype=str), return_counts=True)
    return np.sort(found[np.argsort(-counts, kind="stable")[:_MOST_CODES]])


def _matrix(policy: Policy, table: pa.Table, codes: tuple[npt.NDArray[Any], ...]) -> Floats:
    """The features as floats, shape (rows, features); NaN for missing values and for codes that the
    pilot does not know.
    """
    frame = features(table, policy)
    numbers = [frame[name].to_numpy(dtype=np.float64) for name in policy.data.numeric]
    columns = [np.where(np.isfinite(values), values, np.nan) for values in numbers]
    for name, known in zip(policy.data.categorical, codes, strict=True):
        columns.append(_coded(frame[name].to_numpy(dtype=object), known))
    return np.column_stack(columns)


def _coded(values: npt.NDArray[Any], known: npt.NDArray[Any]) -> Floats:
    places = {code: float(place) for place, code in enumerate(known.tolist())}
    return np.asarray([places.get(value, np.nan) for value in values], dtype=np.float64)


def _labels(policy: Policy, table: pa.Table) -> Floats:
    return np.asarray(table[policy.data.target].to_numpy(zero_copy_only=False), dtype=np.float64)
