"""Changes of the world, which are no faults: whoever calls them broken is wrong."""

from typing import Final

import numpy as np

from tests.benchmarks.real.faults.planting import Fault, Mask, Planting, Truth
from tests.benchmarks.real.faults.release_faults import GOOD_RELEASES


def concept_of_a_segment(p: Planting) -> Truth | None:
    """The labels of a segment follow another law: more or less of them."""
    rows, segment = p.within(p.since(), 1.0)
    return _moved(p, rows, f"{segment[0]} {segment[1]}") if segment else None


def concept_by_a_number(p: Planting) -> Truth | None:
    """The labels of the rows with the high third, or the low, of a number follow another law."""
    column = p.number()
    if column is None:
        return None
    values = p.frame[column].to_numpy()
    low, high = np.nanquantile(values, [1 / 3, 2 / 3])
    inside = values >= high if p.rng.random() < 0.5 else values <= low
    return _moved(p, p.since() & inside, column)


def concept_everywhere(p: Planting) -> Truth | None:
    return _moved(p, p.since(), "everywhere")


def _moved(p: Planting, rows: Mask, where: str) -> Truth:
    """Numbers grow or shrink by up to half, each row by its own amount round it; of the negatives a
    share becomes positive, or the other way.
    """
    labels, size = p.frame[p.target].to_numpy(), p.log(0.1, 0.5)
    p.asked = False
    if p.binary:
        old = float(p.rng.integers(2))
        hit = p.some(rows & (labels == old), size)
        p.put(p.target, hit, 1 - old)
    else:
        sign = 1 if p.rng.random() < 0.5 else -1
        each = 1 + sign * size * p.rng.uniform(0.5, 1.5, int(rows.sum()))
        moved = labels[rows] * each
        p.put(p.target, rows, np.round(moved) if (labels == np.round(labels)).all() else moved)
    return Truth((), (), "any", size, where)


def unlike_day(p: Planting) -> Truth | None:
    """A day or two on which labels are a third to two thirds of the usual: a holiday."""
    days = p.at // 86_400_000_000
    first = int(p.rng.choice(np.unique(days)))
    rows, labels = (days >= first) & (days < first + int(p.rng.integers(1, 3))), p.frame[p.target].to_numpy()
    size = p.rng.uniform(0.33, 0.67)
    p.asked = False
    if p.binary:
        p.put(p.target, p.some(rows & (labels == 1), 1 - size), 0.0)
    else:
        moved = labels[rows] * size * p.rng.uniform(0.8, 1.2, int(rows.sum()))
        p.put(p.target, rows, np.round(moved) if (labels == np.round(labels)).all() else moved)
    return Truth((), (), "any", 1 - size)


def news(p: Planting) -> Truth | None:
    """A new code in a few rows, while all old ones go on: a new carrier, a new product."""
    codes, share = p.scene.source.policy.data.categorical, p.log(0.02, 0.1)
    if not codes:
        return None
    column = codes[int(p.rng.integers(len(codes)))]
    p.put(column, p.some(p.since(), share), "novel")
    return Truth((), (), "any", share, column)


def other_rows(p: Planting) -> Truth | None:
    """Other customers: of the rows a third to two thirds remain, drawn by the level of a number."""
    column = p.number()
    if column is None:
        return None
    values, rows = p.frame[column].to_numpy(), p.since()
    level = (np.argsort(np.argsort(values)) / len(values) - 0.5) * (1 if p.rng.random() < 0.5 else -1)
    steep = p.log(1.0, 6.0)
    keep = ~rows | (p.rng.random(len(rows)) < 1 / (1 + np.exp(-steep * level)))
    p.frame = p.frame[keep].reset_index(drop=True)
    return Truth((), (), "any", steep, column)


def other_mix(p: Planting) -> Truth | None:
    """A segment with a fifth to two thirds of its rows."""
    rows, segment = p.within(p.since(), 1.0)
    if segment is None:
        return None
    share = p.rng.uniform(0.2, 0.67)
    p.frame = p.frame[~rows | (p.rng.random(len(rows)) < share)].reset_index(drop=True)
    return Truth((), (), "any", 1 - share, f"{segment[0]} {segment[1]}")


WORLD_CHANGES: Final = (
    Fault("concept of a segment", "world", "share", concept_of_a_segment),
    Fault("concept by a number", "world", "share", concept_by_a_number),
    Fault("concept everywhere", "world", "share", concept_everywhere),
    Fault("a day unlike others", "world", "share", unlike_day),
    Fault("a new code", "world", "share of rows", news),
    Fault("other rows", "world", "steepness", other_rows),
    Fault("other mix", "world", "share", other_mix),
    *GOOD_RELEASES,
)
