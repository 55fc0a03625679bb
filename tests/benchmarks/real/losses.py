"""Losses of a model that was taught at every weekly look of a stream, on every later day.

With them any way to decide when to teach, and which version serves, is arithmetic. A model is
asked only about rows that it was not taught, and taught only labels that are known by its look.
Beside the full models stand pilots: small ones that never serve, taught at each look by at most
4,000 rows that are drawn by their age.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from modelmedic.steps.core.training.weighting import drawn, halved
from tests.benchmarks.real.stream import Floats, Stream

WEEK: Final = 7.0
WAYS: Final = ("history", "weighted", "long")  # the last `history` alone; all rows, halving every half `history`; every two of it
HALVINGS: Final = (0.5, 2.0)  # of `history`: the pilots' ways to draw their rows, as the two weightings weight them
PILOT_REACH: Final = 95.0  # days after its look on which a pilot is asked
_PILOT_ROWS, _PILOT_TREES, _TREES = 4_000, 40, 100
_EDGE = 1e-6  # probabilities are kept this far from 0 and 1


@dataclass(frozen=True)
class Losses:
    """Losses by way of teaching, model and day, shape (ways, looks, days), and those of the pilots
    by their halving, shape (halvings, looks, days): sums over a day's rows. `known` is up to when a
    look's labels are known, in days.
    """

    looks: Floats
    known: Floats
    day: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    loss: Floats
    pilots: Floats

    def between(self, low: float, high: float) -> npt.NDArray[np.bool_]:
        """The whole days from `low` to `high`."""
        return np.asarray((self.day >= np.ceil(low)) & (self.day < np.floor(high)))

    def answered(self, way: int) -> Floats:
        """The loss of each model between two looks, shape (looks, looks): rows are models."""
        look = np.searchsorted(self.looks, self.day, side="right") - 1
        asked = look >= 0
        each = [np.bincount(look[asked], model[asked], len(self.looks)) for model in self.loss[way]]
        return np.stack(each)

    def price(self, percent_days: float) -> float:
        """A training's price as a loss: so many per cent of the first champion's, for so many
        days.
        """
        month = self.between(self.known[0], self.known[0] + 28)
        return float(percent_days / 100 * self.loss[0, 0, month].sum() / max(month.sum(), 1))


def losses(stream: Stream, cache: Path | None = None) -> Losses:
    """The losses of a stream, from the cache where they are there. Minutes for the first time."""
    kept = cache / f"{stream.name}.npz" if cache else None
    if kept is not None and kept.exists() and len((found := Losses(**np.load(kept))).pilots) == len(HALVINGS):
        return found
    first = min(stream.history, 0.4 * stream.when[-1])
    looks = np.arange(first, stream.when[-1], WEEK)
    day, start = np.unique(stream.when.astype(np.int64), return_index=True)
    loss, pilots = np.zeros((len(WAYS), len(looks), len(day))), np.zeros((len(HALVINGS), len(looks), len(day)))
    rng = np.random.default_rng(0)
    for i, known in enumerate(looks - stream.delay):
        age = known - stream.when
        later, seen = age <= 0, np.flatnonzero(age > 0)
        recent = age[seen] <= stream.history
        loss[0, i] = _asked(stream, seen[recent], None, later, start, _TREES)
        for way, share in ((1, 0.5), (2, 2.0)):
            loss[way, i] = _asked(stream, seen, halved(age[seen], share * stream.history), later, start, _TREES)
        for kind, share in enumerate(HALVINGS):
            taught = seen[drawn(halved(age[seen], share * stream.history), _PILOT_ROWS, rng)]
            pilots[kind, i] = _asked(stream, taught, None, later & (age > -PILOT_REACH), start, _PILOT_TREES)
    found = Losses(looks, looks - stream.delay, day, np.diff(np.append(start, len(stream.when))), loss, pilots)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(kept, **vars(found))
    return found


def _asked(
    stream: Stream,
    taught: npt.NDArray[np.int64],
    weight: Floats | None,
    asked: npt.NDArray[np.bool_],
    start: npt.NDArray[np.int64],
    trees: int,
) -> Floats:
    """The losses by day of a model that was taught these rows, on the rows that it is asked
    about.
    """
    each = np.zeros(len(stream.labels))
    x, y = stream.features, stream.labels
    if asked.any():
        kind = HistGradientBoostingClassifier if stream.binary else HistGradientBoostingRegressor
        rate = 0.1 if trees == _TREES else 0.15
        model = kind(max_iter=trees, learning_rate=rate, categorical_features="from_dtype", random_state=0)
        model.fit(x.iloc[taught], y[taught], sample_weight=weight)
        if stream.binary:
            p = np.clip(model.predict_proba(x[asked])[:, 1], _EDGE, 1 - _EDGE)
            each[asked] = -np.where(y[asked] == 1, np.log(p), np.log(1 - p))
        else:
            each[asked] = (model.predict(x[asked]) - y[asked]) ** 2
    return np.add.reduceat(each, start)
