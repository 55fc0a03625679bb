"""Faults of the labels. The model's answers stay; only what is recorded as the truth is wrong."""

from typing import Final

import numpy as np

from modelmedic.steps.contracts.words import Cause
from tests.benchmarks.real.faults.planting import Fault, Mask, Planting, Truth

LABELS: Final = (Cause.LABEL_QUALITY,)
_FACTORS: Final = (1000, 0.001, 100, 0.01, 60, 1 / 60, 3.28084, 0.3048, 2.2046, 0.4536, 1.609344, 1 / 1.609344)


def flipped(p: Planting) -> Truth | None:
    if not p.binary:
        return None
    hit = p.some(p.since(), p.log(0.05, 1.0))
    _put(p, hit, 1 - p.frame[p.target].to_numpy()[hit])
    return Truth(LABELS, (), None, float(hit.mean()))


def multiplied(p: Planting) -> Truth | None:
    """In another unit: a known factor, or any from 2 to 30 or its inverse (the world's own moves
    stay below 1.75).
    """
    if p.binary:
        return None
    rows, free = p.since(), p.log(2.0, 30.0)
    factor = float(p.rng.choice(_FACTORS)) if p.rng.random() < 0.5 else free if p.rng.random() < 0.5 else 1 / free
    _put(p, rows, p.frame[p.target].to_numpy()[rows] * factor)
    return Truth(LABELS, (), None, abs(float(np.log10(factor))), f"x {factor:.4g}")


def shuffled(p: Planting) -> Truth | None:
    hit = p.some(p.since(), p.rng.uniform(0.2, 1.0))
    _put(p, hit, p.rng.permutation(p.frame[p.target].to_numpy()[hit]))
    return Truth(LABELS, (), None, float(hit.mean()))


def constant(p: Planting) -> Truth | None:
    rows, known = p.since(), p.frame[p.target]
    values = (0.0, 1.0) if p.binary else (0.0, float(known.mean()), float(known.iloc[0]))
    value = float(p.rng.choice(values))
    _put(p, rows, value)
    return Truth(LABELS, (), None, float(rows.mean()), f"all {value:.4g}")


def defaulted(p: Planting) -> Truth | None:
    """A share of the labels has a value that stands for none. Of classes no one could tell that
    from a world with fewer positives.
    """
    if p.binary:
        return None
    rows, share = p.since(), p.log(0.05, 1.0)
    hit = p.some(rows, share)
    value = float(p.rng.choice([0.0, -1.0, -999.0]))
    _put(p, hit, value)
    return Truth(LABELS, (), None, float(hit.mean()), f"{share:.0%} are {value:g}")


def missing(p: Planting) -> Truth | None:
    hit = p.some(p.since(), p.log(0.1, 1.0))
    _put(p, hit, np.nan)
    return Truth(LABELS, (), "any", float(hit.mean()))


def wrong_in_a_segment(p: Planting) -> Truth | None:
    """Flipped, shuffled or multiplied inside of one segment."""
    rows, segment = p.within(p.since(), 1.0)
    labels = p.frame[p.target].to_numpy()
    if segment is None:
        return None
    ways = ("flipped", "shuffled") if p.binary else ("multiplied", "shuffled")
    way = str(p.rng.choice(ways))
    factor = float(p.rng.choice(_FACTORS))
    _put(p, rows, {"flipped": 1 - labels[rows], "multiplied": labels[rows] * factor, "shuffled": p.rng.permutation(labels[rows])}[way])
    return Truth(LABELS, (), segment, float(rows.mean()), way)


def late(p: Planting) -> Truth | None:
    """Labels joined to the wrong rows: each row has the label of an earlier one."""
    rows, by = p.since(), round(p.log(1, 72))
    values = p.before(p.target, by)
    if len(values) < len(rows) + by:
        return None
    _put(p, rows, values[: len(rows)][rows])
    return Truth(LABELS, (), None, float(by), f"{by} rows late")


def _put(p: Planting, rows: Mask, values: object) -> None:
    p.asked = False
    p.put(p.target, rows, values)


LABEL_FAULTS: Final = (
    Fault("labels flipped", "labels", "share of rows", flipped),
    Fault("labels multiplied", "labels", "decades", multiplied),
    Fault("labels shuffled", "labels", "share of rows", shuffled),
    Fault("labels constant", "labels", "share of rows", constant),
    Fault("labels defaulted", "labels", "share of rows", defaulted),
    Fault("labels missing", "labels", "share of rows", missing),
    Fault("labels of a segment", "labels", "share of rows", wrong_in_a_segment),
    Fault("labels late", "labels", "rows", late),
)
