"""A site in memory and a scratch folder on which the past is played: the real steps run on it and
touch nothing else.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from modelmedic.steps.adapters.clocks import PlayedClock, SystemClock
from modelmedic.steps.adapters.memory.registry import RehearsedRegistry
from modelmedic.steps.adapters.memory.serving import RehearsedServing
from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.adapters.models.files import push
from modelmedic.steps.adapters.notify.store import StoreNotifier
from modelmedic.steps.backtesting.models import Floats, Predict, load
from modelmedic.steps.backtesting.past import Past
from modelmedic.steps.backtesting.plan import ReplayPlan
from modelmedic.steps.backtesting.windows import PlayedWindows
from modelmedic.steps.bootstrap.in_process import bootstrap
from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.inference_log import MODEL_VERSION, PREDICTION, SERVED_BY
from modelmedic.steps.contracts.keys import model_prefix, policy_key
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.learning.rent import WEEK
from modelmedic.steps.data.references import StoredReferences
from modelmedic.steps.records.ageing_looks import newest_look
from modelmedic.steps.records.documents import keep
from modelmedic.steps.runtime.run import Site, silent
from modelmedic.steps.runtime.versions import version_files

_LOOKS = 4  # in a window; windows that end closer together count as one (core.incidents.persistence)


class ReplayedSite:
    """One way's site. As its clock moves on, the version that serves then answers the rows of the
    past.

    `folder` is scratch. `tell` gets the played time.
    """

    def __init__(
        self,
        past: Past,
        plan: ReplayPlan,
        folder: Path,
        say: Callable[[str], None] = silent,
        tell: Callable[[datetime], None] = lambda _now: None,
    ) -> None:
        store = MemoryStore()
        self.past, self.plan, self._tell = past, plan, tell
        self.clock = PlayedClock(plan.replay.start, self._play)
        self.windows = PlayedWindows(past.policy, self.clock)
        self.serving = RehearsedServing(self._load)
        self._lent: dict[str, Predict] = {}  # by their registration key
        self._loaded: dict[str, Predict] = {}  # by digest
        self._answers: list[Floats] = []
        (folder / "work").mkdir(parents=True)
        self.site = Site(
            policy=past.policy,
            store=store,
            registry=RehearsedRegistry(folder / "registry", past.policy.registry.name),
            serving=self.serving,
            windows=self.windows,
            references=StoredReferences(store, past.policy.name),
            notifier=StoreNotifier(store),
            clock=self.clock,
            real=SystemClock(),
            actor="backtest",
            work=folder / "work",
            say=say,
            ask=lambda version, rows: self.ask(version)(rows),
            pages=False,
        )
        keep(store, policy_key(past.policy.hash), past.policy)

    @property
    def answers(self) -> Floats:
        """The answers to the rows of the replay so far, shape (n,)."""
        return np.concatenate(self._answers) if self._answers else np.empty(0)

    def bootstrap(self) -> ModelVersion:
        """Train the first champion on the labels that are known when the replay begins. Raises
        BadInput or Refused.
        """
        return bootstrap(self.site, self.past.known(self.plan.first, self.clock.now()))

    def adopt(self, other: "ReplayedSite") -> None:
        """Begin with the champion that another replayed site begins with."""
        champion = self.site.policy.registry.champion
        version = other.site.registry.version("1")
        folder = version_files(other.site, version)
        push(self.site.store, model_prefix(version.digest), folder)
        own = self.site.registry.register(folder, key="first", tags={}, metrics={})
        self.site.references.keep(own.version, other.site.references.table(version.version))
        self.serving.start(own)
        self.site.registry.move_alias(champion, own.version, expected=None)
        self.site.history.record_release(self.site.model, Release(self.clock.now(), own.version, None))

    def ask(self, version: str) -> Predict:
        """The model of one version."""
        return self._load(self.site.registry.version(version))

    def serve(self, model: Predict, key: str) -> str:
        """Make a model of this process the champion past every gate, as a version without a model
        file; the version.
        """
        site, alias = self.site, self.site.policy.registry.champion
        folder = site.work / key
        folder.mkdir()
        (folder / "note.txt").write_text(f"{key}\n")
        self._lent[key] = model
        made, before = site.registry.register(folder, key=key, tags={}, metrics={}), site.registry.alias(alias)
        self.serving.restore(made)
        site.registry.move_alias(alias, made.version, expected=before)
        site.history.record_release(site.model, Release(self.clock.now(), made.version, before))
        return made.version

    def _load(self, model: ModelVersion) -> Predict:
        """The model, loaded once, whether it serves or is compared."""
        if model.digest not in self._loaded:
            lent = self._lent.get(model.tags.get("key", ""))
            self._loaded[model.digest] = lent or load(version_files(self.site, model), self.site.policy)
        return self._loaded[model.digest]

    def _play(self, start: datetime, end: datetime) -> None:
        rows = self.past.between(Window(start, min(max(start, end), self.plan.replay.end))) if start < self.plan.replay.end else None
        if rows is not None and rows.num_rows:
            answered = self.serving.serve(rows)
            self._answers.append(answered.values)
            for name, column in (
                (PREDICTION, pa.array(answered.values)),
                (MODEL_VERSION, pa.array(answered.versions, pa.string())),
                (SERVED_BY, pa.array(answered.roles, pa.string())),
            ):
                rows = rows.set_column(rows.column_names.index(name), name, column)
            self.windows.add(rows)
        self._tell(min(end, self.plan.replay.end))


def look_interval(policy: Policy) -> timedelta:
    """The time between two runs of the monitor in a replay."""
    return policy.detect.window / _LOOKS


def next_look(replayed: ReplayedSite) -> bool:
    """Play until the next run of the monitor is due; False when the replay is over instead."""
    rest = replayed.plan.replay.end - replayed.clock.now()
    replayed.clock.sleep(min(look_interval(replayed.site.policy), _until_a_week_is_known(replayed.site), rest))
    return replayed.clock.now() < replayed.plan.replay.end


def _until_a_week_is_known(site: Site) -> timedelta:
    """The time until another week can be measured for the ageing, which a monitor that runs each
    hour would not miss; without end where that is over or nothing is measured.
    """
    last = newest_look(site.store, site.model, site.clock.now())
    if last is None or last.until is None:
        return timedelta.max
    rest = last.until + timedelta(days=WEEK) + site.policy.data.labels.delay - site.clock.now()
    return rest if rest > timedelta(0) else timedelta.max
