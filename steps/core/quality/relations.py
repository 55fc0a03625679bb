"""Relations between columns that the current window has lost: two columns in each other's place,
one that lost its rows, one with a turned sign.

Rank correlations (Spearman 1904) do not see any monotone change of a single column, so that a shift
of the world leaves them; a column whose correlations are all gone or all reversed was broken on its
way.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelmedic.steps.contracts.detection import Problem, ProblemKind
from modelmedic.steps.core.statistics.crossfit import thin_mask
from modelmedic.steps.core.statistics.shift import measure
from modelmedic.steps.core.tables.arrays import Floats
from modelmedic.steps.core.tables.pairing import Column, Pair

_MOST_ROWS = 10_000
_LEAST_ROWS = 200
_PROFILE = 8
_PARTNER = 0.2  # two columns of this correlation or more go together
_STILL = 0.15  # effect
Ranks = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Relations:
    """Rank correlations of the numbers in both windows, and z of their change (Fisher's
    transform).
    """

    columns: tuple[Column, ...]
    before: Floats
    after: Floats
    z: Floats

    def still(self, torn: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """The torn columns whose own values are as before: a column that moved may go with others
        differently for the world's reasons.
        """
        return np.array([bool(t) and measure(column)[1] < _STILL for t, column in zip(torn, self.columns, strict=True)])


def relation_problems(pair: Pair, broken: frozenset[str] = frozenset()) -> Iterator[Problem]:
    """At most three torn columns, or two that were swapped. Columns that are `broken` by themselves
    are left out.
    """
    columns = tuple(c for c in pair.columns if c.numeric and c.name not in broken and _has_many_values(c))
    if len(columns) < 2 or min(pair.rows) < _LEAST_ROWS:
        return
    swapped = list(_swapped_columns(pair, columns))
    yield from swapped
    if not swapped:
        yield from _torn_columns(pair, _relations(pair, columns))


def _has_many_values(column: Column) -> bool:
    return all(len(np.unique(_even_sample(np.asarray(w, dtype=np.float64), 2000))) > 8 for w in (column.reference, column.current))


def _even_sample(values: Floats, most: int) -> Floats:
    return values if len(values) <= most else values[np.linspace(0, len(values) - 1, most).astype(np.int64)]


def _relations(pair: Pair, columns: tuple[Column, ...]) -> _Relations:
    before, after = (_correlations([getattr(c, w) for c in columns]) for w in ("reference", "current"))
    n, m = (min(rows, _MOST_ROWS) for rows in pair.rows)
    turned = [np.arctanh(np.clip(r, -0.999, 0.999)) for r in (before, after)]
    z = (turned[1] - turned[0]) / np.sqrt(1.06 / (n - 3) + 1.06 / (m - 3))
    np.fill_diagonal(z, 0)
    return _Relations(columns, before, after, z)


def _correlations(windows: list[npt.NDArray[np.generic]]) -> Floats:
    ranks = np.column_stack([_ranks(_even_sample(np.asarray(w, dtype=np.float64), _MOST_ROWS)) for w in windows])
    scale = np.sqrt((ranks**2).sum(axis=0))
    ranks /= np.where(scale > 0, scale, 1)
    correlations = ranks.T @ ranks
    np.fill_diagonal(correlations, 0)
    return np.asarray(correlations)


def _ranks(values: Floats) -> Ranks:
    """Midranks, centred; unknown values have the middle rank."""
    known = np.isfinite(values)
    ranks = np.zeros(len(values))
    if known.any():
        _, inverse, counts = np.unique(values[known], return_inverse=True, return_counts=True)
        middle = (np.cumsum(counts) - counts / 2)[inverse]
        ranks[known] = middle - middle.mean()
    return ranks


def _torn_columns(pair: Pair, all_of: _Relations) -> Iterator[Problem]:
    """The columns whose correlations with every partner are gone or turned; the worst is taken out
    before the next is judged.
    """
    alive = np.ones(len(all_of.columns), dtype=bool)
    for _ in range(3):
        partners = (np.abs(all_of.before) > _PARTNER) & alive[None, :] & alive[:, None]
        weight = (all_of.before**2 * partners).sum(axis=1)
        slope = (all_of.before * all_of.after * partners).sum(axis=1) / np.maximum(weight, 1e-9)
        surprise = (all_of.z**2 * partners).sum(axis=1)
        torn = all_of.still((weight > 0.06) & (slope < 0.3) & (surprise > 60))
        if not torn.any():
            return
        worst = _guiltier(pair, all_of, partners, int(np.where(torn, surprise, -1).argmax()))
        alive[worst] = False
        name = all_of.columns[worst].name
        gone = "turned its relation to" if slope[worst] < -0.5 else "no longer goes with"
        friends = ", ".join(all_of.columns[i].name for i in np.argsort(-np.abs(all_of.before[worst]))[:3] if partners[worst, i])
        yield Problem(ProblemKind.RELATION_BROKEN, name, f"column {name} {gone} {friends}, although its own values look as before", 1.0)


def kept_relation(columns: tuple[Column, ...], name: str) -> float:
    """The share of a column's correlations with the others that is left: 1 all, 0 nothing, below 0
    reversed.
    """
    numbers = tuple(c for c in columns if c.numeric)
    before, after = (_correlations([getattr(c, w) for c in numbers]) for w in ("reference", "current"))
    mine = next(i for i, column in enumerate(numbers) if column.name == name)
    partners = np.abs(before[mine]) > _PARTNER
    weight = float((before[mine] ** 2 * partners).sum())
    return float((before[mine] * after[mine] * partners).sum()) / weight if weight else 0.0


def _guiltier(pair: Pair, all_of: _Relations, partners: npt.NDArray[np.bool_], worst: int) -> int:
    """The column at fault of two that had only each other: the one over which the labels changed
    too.
    """
    friends = np.flatnonzero(partners[worst])
    if len(friends) != 1 or partners[friends[0]].sum() != 1 or pair.target is None:
        return worst
    known = (np.isfinite(pair.target[0]), np.isfinite(pair.target[1]))
    if min(k.sum() for k in known) < _LEAST_ROWS:
        return worst
    changed = []
    for index in (worst, int(friends[0])):
        column = all_of.columns[index]
        sides = [_label_means(v[k], y[k]) for v, y, k in zip((column.reference, column.current), pair.target, known, strict=True)]
        changed.append(_distance(*sides))
    return worst if changed[0] >= changed[1] else int(friends[0])


def _swapped_columns(pair: Pair, columns: tuple[Column, ...]) -> Iterator[Problem]:
    """Two columns that each look as the other did, in their own values or in the labels' means over
    them.
    """
    for first, second in (*_by_values(columns), *_by_labels(pair, columns)):
        sentence = f"columns {first} and {second} have been swapped"
        yield Problem(ProblemKind.SWAPPED, first, sentence, 1.0)
        yield Problem(ProblemKind.SWAPPED, second, sentence, 1.0)
        return


def _by_values(columns: tuple[Column, ...]) -> Iterator[tuple[str, str]]:
    quantiles = np.linspace(0.01, 0.99, 60)
    shapes = []
    for column in columns:
        windows = [_even_sample(v[np.isfinite(v)], 5000) for v in (np.asarray(column.reference, float), np.asarray(column.current, float))]
        if min(len(w) for w in windows) < _LEAST_ROWS:
            continue
        old, new = (np.sort(w) for w in windows)
        shapes.append((column.name, old, new, old[(quantiles * (len(old) - 1)).astype(np.int64)]))
    moved = [(n, old, new) for n, old, new, grid in shapes if _gap(old, new, grid) > 0.12]
    for i, (name, old, new) in enumerate(moved[:30]):
        for other, its_old, its_new in moved[i + 1 : 30]:
            noise = 1.7 * np.sqrt(1 / min(len(old), len(its_old)) + 1 / min(len(new), len(its_new)))
            if (
                _gap(old, its_new, old[:: max(len(old) // 60, 1)]) < noise
                and _gap(its_old, new, its_old[:: max(len(its_old) // 60, 1)]) < noise
            ):
                yield name, other


def _gap(old: Floats, new: Floats, grid: Floats) -> float:
    gap = np.abs(np.searchsorted(old, grid, side="right") / len(old) - np.searchsorted(new, grid, side="right") / len(new))
    return float(max(gap.max(), abs(float((new > old[-1]).mean())), abs(float((new < old[0]).mean()))))


def _by_labels(pair: Pair, columns: tuple[Column, ...]) -> Iterator[tuple[str, str]]:
    """Pairs by mean labels over eight rank bins: the means of one have become the other's, and the
    other way round.
    """
    if pair.target is None:
        return
    known = [thin_mask(np.isfinite(t), 2 * _MOST_ROWS) for t in pair.target]
    if min(k.sum() for k in known) < 500:
        return
    profiles = {}
    for column in columns[:200]:
        sides = [_label_means(v[k], y[k]) for v, y, k in zip((column.reference, column.current), pair.target, known, strict=True)]
        profiles[column.name] = sides
    changed = {name: _distance(*sides) for name, sides in profiles.items()}
    worst = sorted((n for n in changed if changed[n] > 60), key=lambda n: -changed[n])[:6]
    if len(worst) > 2 and changed[worst[2]] > 0.15 * changed[worst[1]]:
        return  # more than two columns changed: no exchange of two
    for i, a in enumerate(worst[:1]):
        for b in worst[i + 1 : 2]:
            exchanged = _distance(profiles[a][0], profiles[b][1]) + _distance(profiles[b][0], profiles[a][1])
            if exchanged < 0.12 * (changed[a] + changed[b]) and exchanged < 50:
                yield a, b


def _label_means(values: npt.NDArray[np.generic], target: Floats) -> tuple[Floats, Floats]:
    """Mean of the labels, less their overall mean, and its squared error in each rank bin."""
    ranks = _ranks(np.asarray(values, dtype=np.float64))
    bins = np.clip(((ranks - ranks.min()) / max(np.ptp(ranks), 1e-9) * _PROFILE).astype(np.int64), 0, _PROFILE - 1)
    size = np.maximum(np.bincount(bins, minlength=_PROFILE), 1)
    mean = np.bincount(bins, target, minlength=_PROFILE) / size
    return mean - target.mean(), np.full(_PROFILE, target.var()) / size


def _distance(one: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> float:
    return float(((one[0] - other[0]) ** 2 / np.maximum(one[1] + other[1], 1e-12)).sum())
