"""The rule by which a training is due: when what the champion's age has cost since the last
training comes to the price of one. Called by the monitor's looks, and by the benchmark of real
streams.

A champion that is not renewed pays rent: what it loses beyond a model of today. Whoever may rent or
buy, and does not know for how long, buys when the rent that was paid comes to the price: at most
twice what hindsight would have paid (Karlin et al. 1988, Competitive snoopy caching). Where the
rent grows evenly that is the best interval, sqrt(2 price / ageing), as a stock keeper orders.

Pilots measure the rent, small models that never serve: of two pilots, on a week that neither was
taught, the older loses more by the price of its age. So no full training is needed to learn whether
one would pay.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Final

from modelmedic.steps.contracts.ageing import Ageing

WEEK: Final = 7.0  # days
GAPS: Final = (1, 2, 4, 8, 12)  # weeks between the two pilots of a pair
_PRIOR: Final = 0.002  # share of the loss that a day of age costs, before anything was seen
_PRIOR_WEIGHT: Final = 4.0  # pairs of pilots that the prior counts for
_MEMORY: Final = 8.0  # weeks after which what was seen of ageing counts half


@dataclass(frozen=True, slots=True)
class MeasuredWeek:
    """The losses of one span of days, a week unless a look comes early, all over the same rows.

    `older` are pairs of an age in days and the `excess` of the pilots that are older than the
    newest by it. `champion` is the excess of the pilots as old as the champion, `rented` the days
    of the span on which the age is paid for, and `level` the champion's own loss as a share of the
    loss that the price is a percentage of.
    """

    days: float
    older: Sequence[tuple[float, float]]
    champion: float
    rented: float
    level: float = 1.0


def unseen() -> Ageing:
    """The prior alone."""
    return Ageing(weight=_PRIOR_WEIGHT, seen=_PRIOR_WEIGHT * _PRIOR)


def after(before: Ageing, week: MeasuredWeek) -> Ageing:
    """The ageing once a span more was measured; what the champion's age cost in it is added to
    `paid`. Weeks in which age won something earn no credit: what is to come is measured as it
    comes.
    """
    part = week.days / WEEK
    pairs = [(part * age / WEEK / len(GAPS), more / age) for age, more in week.older if age > 0]
    now = _seen(_faded(before, part), pairs, part)
    more = week.champion + per_day(now) * week.days / 2
    return replace(now, paid=max(before.paid + 100 * more * week.rented * week.level, 0.0))


def excess(older: Iterable[float], newer: Iterable[float]) -> float:
    """How much more the older pilots lose than the newer ones on the same rows, as a share of what
    those lose, in the mean of their kinds; 0 where nothing is lost at all.
    """
    shares = [(old - new) / new for old, new in zip(older, newer, strict=True) if new > 0]
    return float(sum(shares) / len(shares)) if shares else 0.0


def per_day(ageing: Ageing) -> float:
    """The share of its loss that a model loses more for each day of its age, at least 0."""
    return max(ageing.seen / ageing.weight, 0.0) if ageing.weight > 0 else 0.0


def error(ageing: Ageing) -> float | None:
    """The standard error of `per_day`, from the scatter of the weeks; None before the third."""
    own = ageing.weight - _PRIOR_WEIGHT
    if ageing.weeks < 2 or own <= 0:
        return None
    mean = (ageing.seen - _PRIOR_WEIGHT * _PRIOR) / own
    scatter = max(ageing.squares / own - mean**2, 0.0)
    return sqrt(scatter / (ageing.weeks - 1)) * own / ageing.weight


def cost(ageing: Ageing, age: float, level: float = 1.0) -> float:
    """What the champion's age will have cost by the middle of the coming week, in %-days; `age` is
    the champion's in days.
    """
    return ageing.paid + 100 * per_day(ageing) * (age + WEEK / 2) * WEEK / 2 * level


def due(ageing: Ageing, price: float, age: float, level: float = 1.0) -> bool:
    """True when that cost comes to the price of a training, in %-days."""
    return cost(ageing, age, level) >= price


def interval(ageing: Ageing, price: float) -> float | None:
    """The days between two trainings that cost least together with the ageing between them; None
    where the model does not age.
    """
    each = 100 * per_day(ageing)
    return sqrt(2 * price / each) if each > 0 else None


def _faded(before: Ageing, part: float) -> Ageing:
    """The evidence after a part of a week: the prior's stays, the rest halves every `_MEMORY`
    weeks.
    """
    keeps = 0.5 ** (part / _MEMORY)
    own = _PRIOR_WEIGHT * _PRIOR
    weight, seen = _PRIOR_WEIGHT + (before.weight - _PRIOR_WEIGHT) * keeps, own + (before.seen - own) * keeps
    return Ageing(weight, seen, before.squares * keeps, before.weeks * keeps, before.paid)


def _seen(faded: Ageing, pairs: Sequence[tuple[float, float]], part: float) -> Ageing:
    """The evidence with pairs of a weight and a rise of the loss per day of age."""
    weight = sum(each for each, _ in pairs)
    if not weight:
        return faded
    rise = sum(each * slope for each, slope in pairs)
    return replace(
        faded,
        weight=faded.weight + weight,
        seen=faded.seen + rise,
        squares=faded.squares + rise**2 / weight,
        weeks=faded.weeks + part,
    )
