"""Bad releases: another version answers the same inputs, and worse. With a record of it (the
version on the rows, and an entry among the releases) or with neither.
"""

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pandas as pd

from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.words import Cause
from tests.benchmarks.real.faults.planting import Fault, Mask, Planting, Truth
from tests.benchmarks.real.faults.sources import ANSWER, VERSION, Floats, ask, teach

RELEASE: Final = (Cause.BAD_RELEASE,)
BAD: Final = "20991231"
RELEASED: Final = "released"


def backwards(p: Planting, rows: Mask) -> tuple[Floats, Truth]:
    return _turned_round(p), Truth(RELEASE, (), None, float(rows.mean()))


def backwards_in_a_segment(p: Planting, rows: Mask) -> tuple[Floats, Truth] | None:
    inside, segment = p.within(rows, 1.0)
    if segment is None:
        return None
    answers = np.where(inside, _turned_round(p), p.frame[ANSWER].to_numpy())
    return answers, Truth(RELEASE, (), segment, float(inside.mean()))


def constant(p: Planting, rows: Mask) -> tuple[Floats, Truth]:
    usual = float(p.scene.champion.apart_answers.mean())
    return np.full(len(rows), usual), Truth(RELEASE, (), None, float(rows.mean()), f"always {usual:.4g}")


def scaled(p: Planting, _: Mask) -> tuple[Floats, Truth]:
    """Numbers in another unit; probabilities that are too sure, or not sure enough, or of another
    base rate.
    """
    answers, factor = p.frame[ANSWER].to_numpy(), p.log(1.2, 5.0)
    factor = factor if p.rng.random() < 0.5 else 1 / factor
    if p.binary:
        odds = np.log(np.clip(answers, 1e-6, 1 - 1e-6) / np.clip(1 - answers, 1e-6, 1))
        moved = odds * factor if p.rng.random() < 0.5 else odds + np.log(factor)
        return 1 / (1 + np.exp(-moved)), Truth(RELEASE, (), None, abs(float(np.log(factor))))
    return answers * factor, Truth(RELEASE, (), None, abs(float(np.log(factor))), f"x {factor:.3g}")


def taught_turned(p: Planting, rows: Mask) -> tuple[Floats, Truth]:
    """A model that was taught with its most used column turned round (codes: under each other's
    names).
    """
    return ask(_turned_model(p), p.frame, p.scene.source.policy), Truth(RELEASE, (), None, float(rows.mean()))


def taught_little(p: Planting, rows: Mask) -> tuple[Floats, Truth]:
    """A model that was taught the first tenth of the rows alone."""
    model = _kept(p, "little", lambda: teach(p.scene.source.rows.iloc[_tenth(p)], p.scene.source.policy))
    return ask(model, p.frame, p.scene.source.policy), Truth(RELEASE, (), None, float(rows.mean()))


def outdated(p: Planting, rows: Mask) -> tuple[Floats, Truth] | None:
    """The first champion of all, by a slip of the alias; its answers are in the log of long ago."""
    first = p.scene.life.champions[0]
    if p.scene.life.champions.index(p.scene.champion) < 3:
        return None
    return ask(first.model, p.frame, p.scene.source.policy), Truth(RELEASE, (), None, float(rows.mean()), first.version)


def withdrawn(p: Planting, rows: Mask) -> tuple[Floats, Truth]:
    """Answers backwards until people take it back: a tenth to half of the window."""
    until = p.onset + (p.scene.end - p.scene.start) * p.rng.uniform(0.1, 0.5)
    rows &= p.at < until
    return _turned_round(p), Truth(RELEASE, (), None, float(rows.mean()))


def as_good(p: Planting, rows: Mask) -> tuple[Floats, Truth]:
    """No fault: a model of the same trainer, taught four fifths of the rows."""
    taught = p.scene.champion.taught
    fifths = taught[np.arange(len(taught)) % 5 != 0]
    model = _kept(p, "good", lambda: teach(p.scene.source.rows.iloc[fifths], p.scene.source.policy))
    return ask(model, p.frame, p.scene.source.policy), Truth((), (), "any", float(rows.mean()))


def _turned_round(p: Planting) -> Floats:
    answers = p.frame[ANSWER].to_numpy()
    return 1 - answers if p.binary else 2 * float(p.scene.champion.apart_answers.mean()) - answers


def _turned_model(p: Planting) -> Any:
    own, policy = p.scene.champion, p.scene.source.policy

    def make() -> Any:
        rows = p.scene.source.rows.iloc[own.taught].copy()
        column = max(own.used, key=lambda c: own.used[c])
        if column in policy.data.numeric:
            rows[column] = 2 * rows[column].median() - rows[column]
        else:
            codes = rows[column].value_counts().index
            rows[column] = rows[column].map(dict(zip(codes, np.roll(codes, 1), strict=True)))
        return teach(rows, policy)

    return _kept(p, "turned", make)


def _tenth(p: Planting) -> np.ndarray:
    taught, labels = p.scene.champion.taught, p.scene.source.rows[p.target].to_numpy()
    count = max(len(taught) // 10, 300)
    while count < len(taught) and len(np.unique(labels[taught[:count]])) < 2:
        count *= 2
    return taught[:count]


def _kept(p: Planting, what: str, make: Callable[[], Any]) -> Any:
    """A further model of this champion's time, taught once."""
    key, kept = (p.scene.champion.version, what), p.scene.life.others
    if key not in kept:
        kept[key] = make()
    return kept[key]


def _asked_about_before(p: Planting, answer: "Answer", drawn: np.random.Generator, truth: Truth) -> pd.DataFrame:
    """Rows of a window's length before the release with the champion's answers and, in RELEASED,
    the new version's: the monitor asks both at its first look at a release.
    """
    source, champion = p.scene.source, p.scene.champion
    rows = np.flatnonzero((source.at >= p.onset - (p.scene.end - p.scene.start)) & (source.at < p.onset))
    frame = p.scene.frame(rows)
    frame[ANSWER] = ask(champion.model, frame, source.policy) if len(rows) else []
    work = Planting(p.scene, drawn, frame)
    given = answer(work, np.zeros(len(rows), dtype=bool)) if len(rows) else None
    answers = given[0] if given is not None else frame[ANSWER].to_numpy()
    if isinstance(truth.segment, tuple) and len(rows):
        name, value = truth.segment
        inside = frame[name].map(lambda each: f"{each:.15g}" if name in source.policy.data.numeric else str(each)) == value
        answers = np.where(inside, _turned_round(work), frame[ANSWER].to_numpy())
    return frame.assign(**{RELEASED: answers})


Answer = Callable[[Planting, Mask], tuple[Floats, Truth] | None]


def _released(answer: Answer, recorded: bool) -> Callable[[Planting], Truth | None]:
    def plant(p: Planting) -> Truth | None:
        rows = p.since()
        drawn = deepcopy(p.rng)
        given = answer(p, rows)
        if given is None:
            return None
        p.asked = False
        p.put(ANSWER, rows, given[0][rows])
        if recorded:
            p.earlier = _asked_about_before(p, answer, drawn, given[1])
            p.put(VERSION, rows, BAD)
            at = datetime.fromtimestamp(p.onset / 1e6, UTC)
            p.releases = (*p.releases, Release(at, BAD, p.scene.champion.version, "somebody"))
        return given[1]

    return plant


_WAYS: Final = (
    ("backwards", backwards, "share of rows"),
    ("backwards in a segment", backwards_in_a_segment, "share of rows"),
    ("constant", constant, "share of rows"),
    ("scaled", scaled, "log factor"),
    ("taught turned", taught_turned, "share of rows"),
    ("withdrawn", withdrawn, "share of rows"),
    ("outdated", outdated, "share of rows"),
    ("taught little", taught_little, "share of rows"),
)
RELEASE_FAULTS: Final = tuple(
    Fault(f"release {name}{'' if recorded else ', no record'}", "release", unit, _released(answer, recorded))
    for name, answer, unit in _WAYS
    for recorded in (True, False)
)
GOOD_RELEASES: Final = (Fault("good release", "world", "share of rows", _released(as_good, recorded=True)),)
