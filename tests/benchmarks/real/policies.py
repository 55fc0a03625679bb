"""Ways to decide when to teach, reduced to arithmetic on the losses of a stream.

Each answers the loss of its whole stream and the number of its trainings.
"""

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from modelmedic.steps.backtesting.hindsight import best_trainings
from modelmedic.steps.core.learning.rent import GAPS, WEEK, MeasuredWeek, after, due, excess, unseen
from tests.benchmarks.real.losses import WAYS, Losses

FAST, SLOW = 1, 2  # WAYS: halving every half `history`, every two of it
_BACK: Final = (4, 13, 26)  # looks before this one at which the two weightings are tried
_JUDGED: Final = 4  # looks
_CLEARLY: Final = 0.01  # of the loss; 0 to 0.02 come to the same within 0.02 of a share on seven streams

Result = tuple[float, int]
Days = npt.NDArray[np.bool_]


def every(losses: Losses, weeks: int, way: int) -> Result:
    """A training every so many weeks, whatever happens."""
    answered = losses.answered(way)
    serving = [look - look % weeks for look in range(len(losses.looks))]
    return float(sum(answered[model, look] for look, model in enumerate(serving))), len(set(serving)) - 1


def hindsight(losses: Losses, price: float) -> Result:
    """The looks that are best in total when all losses are known in advance; newest version serves,
    taught on `history` alone (dynamic programming over the last training).
    """
    answered = losses.answered(0)
    chosen = best_trainings(answered, price)
    serving = np.searchsorted(chosen, np.arange(len(answered)), side="right")
    models = np.array([0, *chosen])[serving]
    return float(answered[models, np.arange(len(answered))].sum()), len(chosen)


def rent(losses: Losses, price: float, way: int | None = None) -> Result:
    """The product's own rule, a training as soon as the champion's age has cost the price of one
    (core.learning.rent), on the pilots of the stream. Two kinds of pilots, which forget fast and
    slowly, are averaged. `way` is how the models are taught; None tries the two weightings on the
    known rows each time (`tried`).
    """
    answered = [losses.answered(each) for each in range(len(WAYS))]
    serving, served, trained, total = 0, SLOW if way is None else way, 0, 0.0
    seen, usual = unseen(), losses.price(100 * WEEK)  # of a week
    for look in range(len(losses.looks)):
        newest = look - 1
        week = losses.between(losses.known[newest], losses.known[look]) if look else np.zeros(0, dtype=bool)
        if look and losses.rows[week].sum():
            level = float(losses.loss[served, serving, week].sum()) / usual
            older = [(gap * WEEK, _excess(losses, newest - gap, newest, week)) for gap in GAPS if newest >= gap]
            champion = _excess(losses, max(serving, newest - max(GAPS)), newest, week)
            seen = after(seen, MeasuredWeek(WEEK, older, champion, WEEK, level))
            if due(seen, 100 * price / usual * WEEK, float(losses.looks[look] - losses.looks[serving]), level):
                serving, trained, seen = look, trained + 1, replace(seen, paid=0.0)
                served = tried(losses, look) if way is None else way
        total += answered[served][serving, look]
    return float(total), trained


def _excess(losses: Losses, older: int, newer: int, week: Days) -> float:
    """How much more the older pilots lose in a week than the newer ones, as a share."""
    return excess(*(losses.pilots[:, look][:, week].sum(axis=1) for look in (older, newer)))


def tried(losses: Losses, look: int) -> int:
    """The better of the two weightings on the known rows: models taught at earlier looks, each
    judged on the four weeks after it. All rows nearly alike, unless forgetting fast wins clearly.
    """
    gained, count = 0.0, 0
    for back in _BACK:
        then = look - back
        if then >= 0:
            weeks = losses.between(losses.known[then], losses.known[min(then + _JUDGED, look)])
            fast, slow = (losses.loss[way, then, weeks].sum() for way in (FAST, SLOW))
            if fast + slow > 0:
                gained, count = gained + 2 * (slow - fast) / (slow + fast), count + 1
    return FAST if count and gained / count > _CLEARLY else SLOW
