"""The trial of ways to weight the known rows, on the newest of them. Called by the retrain stage.

All rows, each halving every half `history`, beat the last `history` alone on most real streams, and
not on all; so every model tries the ways on its own rows. For each of a few moments in the past a
small forest stands in for the model: it learns what was known then, in each way, and answers the
rows from that moment to the next (prequential; Dawid 1984, Gama, Sebastião and Rodrigues 2013). So
each of the newest rows is answered once per way, by a forest that never saw it, and the ways are
compared row by row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelmedic.steps.contracts.detection import Roles
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.statistics.metrics import Interval, blocks_of, compare, score
from modelmedic.steps.core.statistics.trees import Forest, binning, grow
from modelmedic.steps.core.tables.arrays import Floats
from modelmedic.steps.core.tables.pairing import pair
from modelmedic.steps.core.tables.thinning import evenly, thin
from modelmedic.steps.core.training.weighting import drawn, halved, worth

MOMENTS = 6
_MOST_ROWS = 60_000  # that are looked at; evenly thinned above
_MOST_TAUGHT = 3000  # that a forest learns from
_LEAST_TAUGHT = 100
_LEAST_JUDGED = 100
_ONE_ERROR = 0.6827  # the confidence of an interval of one standard error
_EDGE = 0.001  # a probability is never surer than this


@dataclass(frozen=True, slots=True)
class Way:
    """Rows of the last `reach` days, halving every `halving` days (None: all alike), none before
    the day `since`.
    """

    reach: float
    halving: float | None = None
    since: float = -np.inf

    def weights(self, days: Floats, now: float) -> Floats:
        """The weights of rows by their day, 0 for those that are not learnt from, shape (n,)."""
        inside = (days < now) & (days >= max(now - self.reach, self.since))
        return np.where(inside, 1.0 if self.halving is None else halved(now - days, self.halving), 0.0)


@dataclass(frozen=True, slots=True)
class WayScore:
    """The loss of a way's forests on `rows` rows that they had not learnt from, and the gain over
    the first way on the same rows with its standard error; None where it could not be tried.
    """

    rows: int = 0
    loss: float | None = None
    gain: Interval | None = None


@dataclass(frozen=True, slots=True)
class Scores:
    """A score for each way, and the ageing of the first way's forests: what one that is a step
    older loses more, a day, as a share of the loss, with its standard error. None where it could
    not be measured.
    """

    ways: tuple[WayScore, ...]
    ageing: float | None = None
    error: float | None = None


def score_ways(rows: pa.Table, days: Floats, roles: Roles, ways: Sequence[Way], metric: str, step: float) -> Scores:
    """A score for each way, in the metric of a loss. `days` are the labelled rows' times,
    ascending; `step` the days between two moments. All scores are empty where too few rows are
    known.
    """
    none = Scores(tuple(WayScore() for _ in ways))
    if rows.num_rows > _MOST_ROWS:
        rows, days = thin(rows, _MOST_ROWS), days[evenly(rows.num_rows, _MOST_ROWS)]
    moments = _moments(days, step)
    assert roles.target is not None
    target = np.asarray(rows[roles.target].to_numpy(zero_copy_only=False), dtype=np.float64)
    if not len(moments) or not np.isfinite(target).all() or np.ptp(target) == 0:
        return none
    bins = _bins(rows, days < moments[0], target, roles)
    if bins is None:
        return none
    answers, older = _answers(bins, days, target, ways, moments)
    if roles.task is Task.BINARY:
        answers, older = np.clip(answers, _EDGE, 1 - _EDGE), np.clip(older, _EDGE, 1 - _EDGE)
    scored = tuple(_score(metric, target, answers[0], each, days) for each in answers)
    return Scores(scored, *_ageing(_score(metric, target, older, answers[0], days), step))


def _answers(bins: npt.NDArray[np.int8], days: Floats, target: Floats, ways: Sequence[Way], moments: Floats) -> tuple[Floats, Floats]:
    """The forests' answers to the rows from one moment to the next, shape (ways, rows), and those
    of the first way's forest of the moment before, shape (rows,). NaN where nobody answered.
    """
    answers, older = np.full((len(ways), len(days)), np.nan), np.full(len(days), np.nan)
    before: Forest | None = None
    for moment, until in zip(moments, [*moments[1:], np.inf], strict=True):
        asked = (days >= moment) & (days < until)
        if before is not None:
            older[asked] = before.predict(bins[:, asked])
        before = None
        for number, way in enumerate(ways):
            learnt = _taught(way.weights(days, moment))
            if len(learnt) < _LEAST_TAUGHT or np.ptp(target[learnt]) == 0:
                continue
            forest = grow(bins[:, learnt], target[learnt])
            answers[number, asked] = forest.predict(bins[:, asked])
            before = forest if number == 0 else before
    return answers, older


def _ageing(newer: WayScore, step: float) -> tuple[float | None, float | None]:
    """The ageing a day and its standard error, from the gain of forests over those a step older."""
    if newer.gain is None or newer.loss is None or not np.isfinite(newer.gain.low):
        return None, None
    unit = (newer.loss + newer.gain.value) * step
    return (newer.gain.value / unit, (newer.gain.high - newer.gain.low) / 2 / unit) if unit > 0 else (None, None)


def best_way(scores: Sequence[WayScore]) -> int:
    """The place of the way with the least loss; the first one stays unless another is better beyond
    one standard error.
    """
    better = [(score.gain.value, place) for place, score in enumerate(scores) if place and score.gain is not None and score.gain.low > 0]
    return max(better, default=(0.0, 0))[1]


def _moments(days: Floats, step: float) -> Floats:
    """The moments at which forests are taught, ascending: at most half of the known time is
    judged.
    """
    if len(days) < 2 * _LEAST_JUDGED:
        return np.empty(0)
    count = int(min(MOMENTS, (days[-1] - days[0]) / 2 / step))
    return np.asarray(days[-1] - step * np.arange(max(count, 1), 0, -1.0))


def _bins(rows: pa.Table, known: npt.NDArray[np.bool_], target: Floats, roles: Roles) -> npt.NDArray[np.int8] | None:
    """Columns x rows, cut by the rows known at the first moment; None without a column."""
    plain = Roles(task=roles.task, target=roles.target, features=roles.features, categorical=roles.categorical)
    columns = pair(rows.filter(pa.array(known)), rows, plain).columns if known.any() else ()
    if not columns:
        return None
    cut = binning(columns, target[known], np.ones(int(known.sum()), dtype=bool))
    return cut.bins(1, np.ones(rows.num_rows, dtype=bool))


def _taught(weights: Floats) -> npt.NDArray[np.int64]:
    """The rows that a forest learns from, drawn by their weights, as many as these are worth."""
    inside = np.flatnonzero(weights > 0)
    return inside[drawn(weights[inside], min(worth(weights[inside]), _MOST_TAUGHT))]


def _score(metric: str, target: Floats, first: Floats, answers: Floats, days: Floats) -> WayScore:
    both = np.isfinite(first) & np.isfinite(answers)
    count = int(both.sum())
    if count < _LEAST_JUDGED:
        return WayScore()
    found = compare(metric, target[both], first[both], answers[both], blocks_of(days[both] * 86_400.0, count), _ONE_ERROR)
    return WayScore(count, score(metric, target[both], answers[both]), found.gain)
