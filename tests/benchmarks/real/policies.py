"""Ways to decide when to teach, reduced to arithmetic on the losses of a stream.

Each answers the loss of its whole stream and the number of its trainings.
"""

from typing import Final

import numpy as np

from tests.benchmarks.real.losses import WEEK, Losses

_PRIOR: Final = 0.002  # share of the loss that a day of age costs, before anything was seen
_PRIOR_WEIGHT: Final = 4.0  # pairs of pilots that the prior counts for
_MEMORY: Final = 8.0  # looks after which what was seen of ageing counts half
_GAPS: Final = (1, 2, 4, 8, 12)  # looks between the two pilots of a pair

Result = tuple[float, int]


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
    count = len(answered)
    until = np.hstack([np.zeros((count, 1)), np.cumsum(answered, axis=1)])
    own = until[np.arange(count), np.arange(count)]
    best, trained = np.zeros(count), np.zeros(count, dtype=int)
    for look in range(1, count):
        come = best[:look] + until[:look, look] - own[:look] + price
        last = int(come.argmin())
        best[look], trained[look] = come[last], trained[last] + 1
    end = best + until[:, count] - own
    last = int(end.argmin())
    return float(end[last] - price * trained[last]), int(trained[last])


def rent(losses: Losses, price: float, way: int) -> Result:
    """A training as soon as the champion's age has cost the price of one.

    A champion that is not renewed pays rent: what it loses beyond a model of today. Whoever may
    rent or buy, and does not know for how long, buys when the rent that was paid comes to the
    price: at most twice what hindsight would have paid (Karlin et al. 1988, Competitive snoopy
    caching). Where the rent grows evenly that is the best interval, sqrt(2 price / (ageing x rows a
    day)).

    Pilots measure it: of two pilots, on a week that neither was taught, the older loses more by
    the price of its age. So no full training is needed to learn whether one would pay.
    """
    answered = losses.answered(way)
    serving, trained, total, paid = 0, 0, 0.0, 0.0
    weight, seen = _PRIOR_WEIGHT, _PRIOR_WEIGHT * _PRIOR
    for look in range(len(losses.looks)):
        newest = look - 1
        week = losses.between(losses.known[newest], losses.known[look]) if look else np.zeros(0, dtype=bool)
        rows = losses.rows[week].sum() if look else 0
        if rows:
            level, pilot = losses.loss[way, serving, week].sum(), max(losses.pilots[newest, week].sum(), 1e-12)
            weight, seen = _faded(weight), _faded(seen, _PRIOR)
            for gap in _GAPS:
                if newest >= gap:
                    more = (losses.pilots[newest - gap, week].sum() - pilot) / pilot
                    share = gap / 5
                    weight, seen = weight + share, seen + share * more / (gap * WEEK)
            ageing = max(seen / weight, 0.0) * level  # loss a week for each day of age
            old = max(serving, newest - max(_GAPS))
            paid += (losses.pilots[old, week].sum() - pilot) / pilot * level + ageing * WEEK / 2
            age = losses.looks[look] - losses.looks[serving]
            if paid + ageing * (age + WEEK / 2) / 2 >= price:  # by the middle of the coming week
                serving, trained, paid = look, trained + 1, 0.0
        total += answered[serving, look]
    return float(total), trained


def _faded(value: float, prior: float = 1.0) -> float:
    """The evidence a look later: the prior's part stays, the rest halves every `_MEMORY` looks."""
    own = _PRIOR_WEIGHT * prior
    return float(own + (value - own) * 0.5 ** (1 / _MEMORY))
