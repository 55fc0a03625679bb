"""A year of the flight-delay model's life, played through the real loop: served, monitored, broken
and healed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa

from modelmedic.examples.flights.by_hand import release_by_hand
from modelmedic.examples.flights.faults import BAD_RELEASE, with_a_sign_error
from modelmedic.examples.flights.stream import Flights, month
from modelmedic.examples.flights.traffic import FlightTraffic
from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.adapters.local_serving.serving import LocalServing
from modelmedic.steps.adapters.models.frames import features
from modelmedic.steps.adapters.models.loader import LoadedModel, load_model
from modelmedic.steps.adapters.policy.file import load_policy
from modelmedic.steps.bootstrap.in_process import bootstrap
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.inference_log import PREDICTION
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.statistics.metrics import score
from modelmedic.steps.detection.monitor import monitor
from modelmedic.steps.heal.engine import heal
from modelmedic.steps.reconcile.sweep import sweep
from modelmedic.steps.runtime.run import Run, Site
from modelmedic.steps.runtime.workspace import Workspace

POLICY = Path(__file__).parent / "policy.yaml"
EVERY = timedelta(days=7)  # between two looks of the monitor
_NEXT_DAY = timedelta(days=1)
START, END = datetime(2013, 3, 1, tzinfo=UTC), datetime(2014, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Score:
    """AUC and log loss of one month's flights."""

    auc: float
    log_loss: float


@dataclass(frozen=True, slots=True)
class Healed:
    """One incident in short; `remedy` is the one that the rules asked for."""

    incident: str
    at: datetime
    cause: str
    columns: tuple[str, ...]
    remedy: str
    outcome: str
    sentence: str
    effective: bool | None


@dataclass(frozen=True, slots=True)
class Month:
    """One month: the scores of the frozen first champion and of the healed model, and the
    incidents.
    """

    number: int
    frozen: Score
    healed: Score
    before: str
    after: str
    incidents: tuple[Healed, ...]

    @property
    def name(self) -> str:
        return f"{datetime(2013, self.number, 1, tzinfo=UTC):%B}"

    def lines(self) -> tuple[tuple[str, str, str], ...]:
        """For each incident the columns that drifted, the cause, and the remedy with its
        outcome.
        """
        return tuple((", ".join(found.columns[:3]), found.cause, f"{found.remedy} → {found.outcome}") for found in self.incidents)


class Year:
    """The year, played in a workspace; `at` gets the played time as it moves on, `site.say` a
    sentence for each event.
    """

    def __init__(self, workspace: Workspace, share: float, say: Callable[[str], None], at: Callable[[datetime], None]) -> None:
        self._flights = Flights(share)
        self._clock = PlayedClock(START, self._meanwhile)
        self._at = at
        self._bad_release_due = True
        self.site: Site = workspace.site(load_policy(POLICY), clock=self._clock, say=say, terminal=False)
        self.site.ask = self._ask
        self._loaded: dict[str, LoadedModel] = {}
        self.serving = cast(LocalServing, self.site.serving)
        self.traffic: FlightTraffic | None = None

    def play(self) -> None:
        """Bootstrap on January and February, then week by week until the year is over. A day after
        the release by hand there is a look as well: in a cluster the monitor looks every hour.
        """
        first = self._flights.between(Window(month(1).start, START))
        bootstrap(self.site, first)
        self.traffic = FlightTraffic(self.site, self._flights, self.serving.url)
        while self._clock.now() < END:
            self._clock.sleep(min(EVERY, self._next_stop - self._clock.now()))
            if self._bad_release_due and self._clock.now() >= BAD_RELEASE:
                self._release_badly()
                self._clock.sleep(_NEXT_DAY)
            self._look()
        self._clock.sleep(self.site.policy.settle)
        sweep(self.site)

    @property
    def _next_stop(self) -> datetime:
        return BAD_RELEASE if self._bad_release_due and self._clock.now() < BAD_RELEASE else END

    def months(self) -> tuple[Month, ...]:
        """The scores from March to December: as served, and as the first champion would have
        answered the same requests.
        """
        frozen = load_model(self.site.registry.fetch("1", self.site.work / "frozen"), self.site.policy.data.task)
        return tuple(self._month(number, frozen) for number in range(3, 13))

    def _ask(self, version: str, rows: pa.Table) -> np.ndarray:
        """A version's answers, given in this process, because a year has many looks and the models
        are our own.
        """
        if version not in self._loaded:
            folder = self.site.registry.fetch(version, self.site.work / f"asked-{version}")
            self._loaded[version] = load_model(folder, self.site.policy.data.task)
        return self._loaded[version].ask(features(rows, self.site.policy))

    def _meanwhile(self, start: datetime, end: datetime) -> None:
        if self.traffic is not None:
            self.traffic.play(start, min(end, END))
        self._at(end)

    def _look(self) -> None:
        """Reconcile, monitor, and heal an open incident, as CronWorkflows and a Sensor do in a
        cluster.
        """
        self.serving.flush()
        sweep(self.site)
        seen = monitor(self.site)
        if seen.incident is not None:
            heal(Run(self.site, self.site.ledger.find(seen.incident)))

    def _release_badly(self) -> None:
        """Release a version by hand, past every gate, whose training labels had the wrong sign."""
        self._bad_release_due = False
        now = self._clock.now()
        rows = with_a_sign_error(self._flights.between(Window(now - timedelta(days=60), now)))
        release_by_hand(self.site, rows)

    @property
    def now(self) -> datetime:
        return self._clock.now()

    @property
    def requests(self) -> int:
        return self.traffic.requests if self.traffic else 0

    @property
    def failures(self) -> int:
        return self.traffic.failures if self.traffic else 0

    def reports(self) -> tuple[tuple[Incident, str, str], ...]:
        """Each incident with its outcome and the store key of its report, oldest first."""
        incidents = self.site.ledger.incidents(self.site.model)
        closed = ((incident, self.site.ledger.stage(incident, "close")) for incident in incidents)
        return tuple((incident, stage["outcome"], stage["report"]) for incident, stage in closed if stage and stage["report"])

    def _month(self, number: int, frozen: LoadedModel) -> Month:
        window = month(number)
        served = self.site.windows.table(window, labelled_only=True)
        target, answered = _floats(served, self.site.policy.data.target), _floats(served, PREDICTION)
        alone = frozen.ask(served.select(list(self.site.policy.features)).to_pandas())
        return Month(
            number,
            _score(target, alone),
            _score(target, answered),
            _serving_at(self.site, window.start),
            _serving_at(self.site, window.end),
            tuple(_healed(self.site, incident) for incident in self.site.ledger.incidents(self.site.model) if incident.opened_at in window),
        )


def _healed(site: Site, incident: Incident) -> Healed:
    diagnosed, closing = site.ledger.stage(incident, "diagnose") or {}, site.ledger.closing(incident)
    found, decision = diagnosed.get("diagnosis", {}), diagnosed.get("decision", {})
    return Healed(
        incident.id,
        incident.opened_at,
        found.get("cause", "unknown"),
        tuple(found.get("columns", ())),
        decision.get("wanted", "none"),
        closing.outcome.value if closing else "open",
        closing.sentence if closing else "",
        closing.effective if closing else None,
    )


def _score(target: np.ndarray, prediction: np.ndarray) -> Score:
    return Score(score("auc", target, prediction), score("log_loss", target, prediction))


def _serving_at(site: Site, moment: datetime) -> str:
    """The version that served then, by the recorded releases."""
    return next((r.version for r in reversed(site.history.releases(site.model)) if r.at < moment), "1")


def _floats(table: pa.Table, column: str) -> np.ndarray:
    return np.asarray(table[column].to_numpy(zero_copy_only=False), dtype=np.float64)
