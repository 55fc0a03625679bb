"""A real stream as its champions answered it, and faults that begin in it at one row. Used by the
benchmark of delays.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from modelmedic.steps.contracts.detection import Roles
from modelmedic.steps.contracts.words import Task
from tests.benchmarks.real.stream import Floats, Stream

TAUGHT_EVERY: Final = 56.0  # days
_REFERENCE = 0.25  # newest share of the rows of a training, which it does not see
_EPOCH = pd.Timestamp("2012-01-01", tz="UTC")
_UNITS = ((1.8, 32.0), (3.6, 0.0), (1 / 3.6, 0.0), (0.621371, 0.0), (2.54, 0.0), (1 / 3.28084, 0.0), (1000.0, 0.0), (0.001, 0.0))


@dataclass(frozen=True)
class Life:
    """`rows` by time with label and answer. A version answered from its row of `released` on; its
    reference is the span of rows in `references`, with `reference_answers` for it.
    """

    name: str
    rows: pd.DataFrame
    roles: Roles
    hour: np.ndarray  # since 1970, of each row
    delay: float  # days
    released: tuple[int, ...]
    references: tuple[tuple[int, int], ...]
    reference_answers: tuple[Floats, ...]

    def reference(self, version: int) -> pa.Table:
        start, end = self.references[version]
        return table(self.rows.iloc[start:end].assign(answer=self.reference_answers[version]))


def table(rows: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(rows, preserve_index=False)


def lived(stream: Stream, cache: Path | None = None) -> Life:
    """The life of a stream whose champion is taught anew every eight weeks, from the cache where it
    is there.
    """
    kept = cache / f"{stream.name}-lived.npz" if cache else None
    found = dict(np.load(kept)) if kept is not None and kept.exists() else _answered(stream)
    if kept is not None and not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(kept, **found)
    features = stream.features
    codes = [name for name in features if not pd.api.types.is_numeric_dtype(features[name])]
    plain = features.assign(**{name: features[name].astype(object).where(features[name].notna(), None) for name in codes})
    moments = _EPOCH + pd.to_timedelta(np.round(stream.when * 86_400).astype(np.int64), unit="s")
    spans = [(int(a), int(b)) for a, b in found["references"]]
    parts = np.split(found["reference_answers"], np.cumsum([b - a for a, b in spans])[:-1])
    answers = found["answers"].copy()
    answers[spans[0][0] : spans[0][1]] = parts[0]
    task = Task.BINARY if stream.binary else Task.REGRESSION
    roles = Roles(task=task, target="label", prediction="answer", time="at", features=tuple(features), categorical=tuple(codes))
    hour = moments.astype("int64").to_numpy() // pd.Timedelta(1, "h").to_timedelta64().astype(f"timedelta64[{moments.unit}]").astype(int)
    rows = plain.assign(at=moments, label=stream.labels, answer=answers)
    return Life(stream.name, rows, roles, hour, stream.delay, tuple(found["released"].tolist()), tuple(spans), tuple(parts))


def _answered(stream: Stream) -> dict[str, np.ndarray]:
    looks = np.arange(min(stream.history, 0.4 * stream.when[-1]), stream.when[-1], TAUGHT_EVERY)
    answers, spans, parts, released = np.full(len(stream.labels), np.nan), [], [], []
    for look in looks:
        known = np.flatnonzero((stream.when < look - stream.delay) & (stream.when >= look - stream.delay - stream.history))
        cut = int((1 - _REFERENCE) * len(known))
        ask = _taught(stream, known[:cut])
        live = np.flatnonzero((stream.when >= look) & (stream.when < look + TAUGHT_EVERY))
        if len(live):
            answers[live] = ask(live)
        spans.append((known[cut], known[-1] + 1))
        parts.append(ask(np.arange(*spans[-1])))
        released.append(int(np.searchsorted(stream.when, look)))
    return {
        "answers": answers,
        "references": np.array(spans),
        "reference_answers": np.concatenate(parts),
        "released": np.array(released),
    }


def _taught(stream: Stream, rows: np.ndarray) -> Callable[[np.ndarray], Floats]:
    kind = HistGradientBoostingClassifier if stream.binary else HistGradientBoostingRegressor
    model = kind(max_iter=100, categorical_features="from_dtype", random_state=0).fit(stream.features.iloc[rows], stream.labels[rows])
    if stream.binary:
        return lambda asked: np.asarray(model.predict_proba(stream.features.iloc[asked])[:, 1])
    return lambda asked: np.asarray(model.predict(stream.features.iloc[asked]))


@dataclass(frozen=True)
class PlantedFault:
    """A fault that lasts from one row of the life on. `column` is None for answers and labels."""

    kind: str
    row: int
    column: str | None
    words: str
    change: Callable[[pd.DataFrame], pd.DataFrame]

    def planted(self, life: Life) -> Life:
        """The life with the fault."""
        faulty = self.change(life.rows.iloc[self.row :])
        return replace(life, rows=pd.concat([life.rows.iloc[: self.row], faulty]))


KINDS: Final = ("units", "level", "nulls", "stuck", "answers", "labels")


def draw(life: Life, kind: str, row: int, random: np.random.Generator, columns: list[str]) -> PlantedFault:
    """A fault of this kind and of random size, in one of the columns, from the row on."""
    column = str(random.choice(columns))
    start, end = life.references[0]
    spread = float(life.rows[column].iloc[start:end].std())
    if kind == "units":
        factor, plus = _UNITS[random.integers(len(_UNITS))]
        return _in_column(kind, row, column, f"x {factor:.3g} + {plus:.3g}", lambda v: v * factor + plus)
    if kind == "level":
        sign = float(random.choice([-1.0, 1.0]))
        return _in_column(kind, row, column, f"{sign:+.0f} half a deviation", lambda v: v + sign * spread / 2)
    if kind == "nulls":
        share, seed = float(random.choice([0.3, 1.0])), int(random.integers(2**31))
        return _in_column(kind, row, column, f"{share:.0%}", lambda v: v.mask(np.random.default_rng(seed).random(len(v)) < share))
    if kind == "stuck":
        return _in_column(kind, row, column, "at its last value", lambda v: v * 0 + v.dropna().iloc[0])
    if kind == "answers":
        return PlantedFault(kind, row, None, "backwards", lambda rows: rows.assign(answer=_backwards(life, rows["answer"])))
    seed = int(random.integers(2**31))
    return PlantedFault(
        kind, row, None, "three in ten flipped, or x 1.3", lambda rows: rows.assign(label=_wrong(life, rows["label"], seed))
    )


def _in_column(kind: str, row: int, column: str, words: str, change: Callable[[pd.Series], pd.Series]) -> PlantedFault:
    return PlantedFault(kind, row, column, words, lambda rows: rows.assign(**{column: change(rows[column].astype(float))}))


def _backwards(life: Life, answers: pd.Series) -> pd.Series:
    return 1 - answers if life.roles.task is Task.BINARY else 2 * life.reference_answers[0].mean() - answers


def _wrong(life: Life, labels: pd.Series, seed: int) -> pd.Series:
    if life.roles.task is Task.REGRESSION:
        return labels * 1.3
    return labels.mask(np.random.default_rng(seed).random(len(labels)) < 0.3, 1 - labels)
