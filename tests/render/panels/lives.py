"""Ten days of two models, one that is well and one in trouble, with every sample that the loop
and the predictors tell: pushed to a real Pushgateway, and kept as Prometheus would have scraped it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
from prometheus_client import CollectorRegistry

from modelmedic.steps.adapters.prometheus import Pushgateway
from modelmedic.steps.approval.pending import request_approval
from modelmedic.steps.contracts import metrics as m
from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.detection.metrics import publish_verdict
from modelmedic.steps.detection.monitor import MonitorResult, monitor
from modelmedic.steps.incidents.heal_metrics import heal_samples, sweep_samples, tell_sweep_ended
from modelmedic.steps.predictor.inference_log import LogCounts
from modelmedic.steps.predictor.metrics import Identity, Metrics
from modelmedic.steps.runtime.run import Run
from tests.data.log import DAY, START, policy
from tests.detection.test_monitor import older, turned, without_region
from tests.fakes.serving import FakeServing
from tests.render.panels.history import History, page
from tests.worlds.detection import Change, MonitoredSite, monitored_site
from tests.worlds.results import diagnosed, validated

HEALTHY, TROUBLED = "loans", "cards"
FIRST, LAST = 7, 17  # days since the start of the log
START_OF_HISTORY: Final = START + FIRST * DAY
END: Final = START + LAST * DAY
STEP: Final = timedelta(hours=6)
_STEPS: Final = DAY // STEP
_SECOND_SCRAPE: Final = timedelta(minutes=2)  # a rate needs two, and every further one only time
_REFRESH: Final = {HEALTHY: "auto", TROUBLED: "off"}  # pilots of one will do
_CANARY: Final = {9: 5, 10: 20, 11: 50}  # percent of the traffic by the day
_BROKE: Final = (12, 13, 14)  # days on whose evening a heal ended in an error


@dataclass
class Life:
    """A model, what answers for it, and the last that its monitor saw."""

    here: MonitoredSite
    changes: dict[int, Change]  # by the first day of each
    failing: float = 0.0  # share of the requests
    predictor: CollectorRegistry = field(default_factory=CollectorRegistry)
    seen: MonitorResult | None = None

    def __post_init__(self) -> None:
        model = self.here.site.model
        self.answers = Metrics(Identity(model, "1", "d" * 64), lambda: LogCounts(pending=3), self.predictor)

    def ask(self, requests: int, chance: np.random.Generator) -> None:
        for seconds in chance.gamma(4.0, 0.004 if not self.failing else 0.02, requests):
            self.answers.answered(500 if chance.random() < self.failing else 200, 1, float(seconds), replay=False)


def play(folder: Path, gateway: str) -> History:
    """The history of both. A monitor looks once a day, and tells what it saw, as the sweep does, at
    every step.
    """
    kept, push = History(), Pushgateway(gateway)
    lives = (_life(folder, HEALTHY, {}), _life(folder, TROUBLED, {5: older, 9: turned, 14: without_region}, failing=0.03))
    chance = np.random.default_rng(7)
    for number in range((LAST - FIRST) * _STEPS + 1):
        now = START + FIRST * DAY + number * STEP
        for life in lives:
            _step(life, number, push)
        tell_sweep_ended(push, now.timestamp(), print)
        for at in (now - _SECOND_SCRAPE, now):
            kept.scrape(page(gateway), at)
            for life in lives:
                life.ask(20, chance)
                kept.scrape(life.predictor.collect(), at, instance=f"{life.here.site.model}-0:8080", job="predictors")
    return kept


def _step(life: Life, number: int, push: Pushgateway) -> None:
    site, day, hour = life.here.site, FIRST + number // _STEPS, 24 // _STEPS * (number % _STEPS)
    life.here.at(FIRST + number / _STEPS)
    if hour == 0:
        life.seen = monitor(site, site.clock.now())
    assert life.seen is not None
    publish_verdict(site, life.seen, push)
    if site.model == TROUBLED:
        _trouble(life, day, hour)
    push.publish(m.RECONCILE_JOB, site.model, tuple(sweep_samples(site)))
    share = _CANARY.get(day, 0) if site.model == TROUBLED else 0
    push.publish(m.HEAL_JOB, site.model, tuple(heal_samples(site, share)))


def _trouble(life: Life, day: int, hour: int) -> None:
    """Heals that fail until the breaker opens, and at last one that waits for an answer."""
    site = life.here.site
    current = site.ledger.current(site.model)
    if day in _BROKE and hour == 18:
        if current is None:
            current, _ = site.ledger.open_incident(site.model, site.policy.hash, _window(site.clock.now()), f"alert {day}", {})
        site.ledger.close(current, Closing(Outcome.ESCALATED, site.clock.now(), "the pod was lost", by_error=True))
    if day == LAST - 1 and hour == 6:
        if current is None:
            current, _ = site.ledger.open_incident(site.model, site.policy.hash, _window(site.clock.now()), "the last alert", {})
        run = Run(site, current)
        run.record(diagnosed(approval=True, champion="1"))
        run.record(validated("2", "e" * 64))
        assert request_approval(run)


def _window(now: datetime) -> Window:
    return Window(now - 7 * DAY, now)


def _life(folder: Path, name: str, changes: dict[int, Change], failing: float = 0.0) -> Life:
    work = folder / name
    work.mkdir()
    here = monitored_site(work, policy(metadata={"name": name, "owner": "risk"}, retrain={"history": "7d"}, refresh=_REFRESH[name]))
    serving = FakeServing()
    serving.start(ModelVersion(name, "1", "d" * 64, str(work)))
    here.site.serving = serving
    here.site.record_release(Release(START - 28 * DAY, "1", None))
    for first, until in _stretches([0, *changes]):
        here.serve(first, until - first, n=1500 * (until - first) // 7, change=changes.get(first, lambda table: table))
    return Life(here, changes, failing)


def _stretches(firsts: list[int]) -> Iterator[tuple[int, int]]:
    return zip(firsts, [*firsts[1:], LAST], strict=True)
