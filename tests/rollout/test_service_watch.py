"""A version that fails its callers shortly after it was promoted is taken back by itself; a service
that is sick for another reason is put before a person.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.heal_stages import HEAL
from modelmedic.steps.contracts.incident import SERVICE, Incident
from modelmedic.steps.contracts.ports import ObjectStore, Serving
from modelmedic.steps.contracts.results import DiagnoseResult
from modelmedic.steps.contracts.serving import ServingState
from modelmedic.steps.contracts.words import Cause, Outcome
from modelmedic.steps.heal.close import close
from modelmedic.steps.heal.engine import heal
from modelmedic.steps.reconcile.sweep import sweep, sweep_in_cluster
from modelmedic.steps.runtime.run import Run
from tests.fakes.health import Asked, FakeHealth
from tests.fakes.workflows import FakeWorkflows
from tests.worlds.deployed import DeployedWorld
from tests.worlds.played import NOW, policy

MINUTE = timedelta(minutes=1)
TABLE = tuple(stage for stage in HEAL if stage.name != "report")  # Evidently's page takes seconds
WELL = [Asked(NOW - number * MINUTE, "1", 100) for number in range(60, 0, -1)]


class Promoted(DeployedWorld):
    """Version 2 took the place of version 1 at NOW, and the incident that promoted it is closed."""

    def __init__(self, folder: Path, **sections: Any) -> None:
        super().__init__(folder)
        self.site.policy = policy(**sections)
        self.serving.start_canary(self.second, expected=self.serving.state().generation)
        self.serving.promote(expected=self.serving.state().generation)
        self.registry.move_alias("previous", "1", expected=None)
        self.registry.move_alias("champion", "2", expected="1")
        self.site.record_release(Release(NOW, "2", "1", by=self.run.incident.id))
        close(self.run, "it is over")
        self.health = FakeHealth()
        self.site.health = self.health

    def after(self, minutes: int, asked: Sequence[Asked], before: Sequence[Asked] = tuple(WELL)) -> Incident | None:
        """The incident about the service that a sweep so many minutes later finds open."""
        self.health.asked = [*before, *asked]
        self.clock.sleep(NOW + minutes * MINUTE - self.clock.now())
        sweep(self.site)
        current = self.site.ledger.current("churn")
        assert current is None or current.alert == SERVICE
        return current

    def healed(self, incident: Incident) -> str | None:
        return heal(Run(self.site, incident), begin=lambda _step, _run: None, table=TABLE).outcome

    def found(self, incident: Incident) -> DiagnoseResult:
        return Run(self.site, incident).result(DiagnoseResult)


def asked(first: int, last: int, *, failing: int = 0, version: str = "2", p95_ms: float = 20.0) -> list[Asked]:
    """A hundred requests a minute after NOW, of which so many fail."""
    minutes = range(first, last + 1)
    good = [Asked(NOW + number * MINUTE, version, 100 - failing, 200, p95_ms) for number in minutes]
    return good + [Asked(NOW + number * MINUTE, version, failing, 500, p95_ms) for number in minutes if failing]


@pytest.fixture
def world(tmp_path: Path) -> Promoted:
    return Promoted(tmp_path)


def test_a_version_that_fails_after_its_promotion_is_taken_back_and_people_are_told(world: Promoted) -> None:
    incident = world.after(5, asked(1, 5, failing=20))
    assert incident is not None
    assert world.healed(incident) == Outcome.ROLLED_BACK
    assert world.agrees == "1"
    assert world.found(incident).diagnosis.cause is Cause.BAD_RELEASE
    assert "version 2 fails 100 of 500 requests (1.0% are allowed)" in world.found(incident).diagnosis.sentence
    assert "model.rolled_back" in world.site.notifier.events  # type: ignore[attr-defined]


def test_a_version_that_is_slow_after_its_promotion_is_taken_back(world: Promoted) -> None:
    incident = world.after(5, asked(1, 5, p95_ms=900))
    assert incident is not None
    assert world.healed(incident) == Outcome.ROLLED_BACK
    assert world.agrees == "1"


def test_a_version_that_becomes_sick_while_it_bakes_is_taken_back(world: Promoted) -> None:
    assert world.after(40, asked(1, 40)) is None
    incident = world.after(50, [*asked(1, 40), *asked(41, 50, failing=5)])
    assert incident is not None
    assert world.healed(incident) == Outcome.ROLLED_BACK


def test_a_version_of_which_too_little_was_asked_lately_is_judged_by_all_since_its_promotion(world: Promoted) -> None:
    seldom = [Asked(NOW + number * 5 * MINUTE, "2", 2, 500 if number % 2 else 200) for number in range(1, 10)]
    assert world.after(46, seldom) is not None


@pytest.mark.parametrize(
    "after",
    [asked(1, 5), asked(1, 5, failing=1), [Asked(NOW + MINUTE, "2", 2, 500)], asked(1, 5, p95_ms=190), []],
    ids=["well", "as many failures as allowed", "two failures", "as quick as asked", "nobody asked"],
)
def test_a_service_that_is_well_is_left_alone(world: Promoted, after: list[Asked]) -> None:
    assert world.after(5, after) is None
    assert world.agrees == "2"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([Asked(NOW - MINUTE, "1", 800, 200), Asked(NOW - MINUTE, "1", 200, 500)], asked(1, 5, failing=20)),
        ([Asked(NOW - MINUTE, "1", 1000, 200, 800.0)], asked(1, 5, p95_ms=900)),
    ],
    ids=["fails as much", "is as slow"],
)
def test_a_service_that_was_as_sick_before_is_no_fault_of_the_release(world: Promoted, before: list[Asked], after: list[Asked]) -> None:
    incident = world.after(5, after, before)
    assert incident is not None
    assert world.healed(incident) == Outcome.ESCALATED
    assert world.agrees == "2"
    assert "a sick service without a release" in world.found(incident).diagnosis.sentence


def test_a_version_that_was_well_while_it_baked_is_not_taken_back(world: Promoted) -> None:
    incident = world.after(180, [*asked(1, 170), *asked(171, 180, failing=20)])
    assert incident is not None
    assert world.healed(incident) == Outcome.ESCALATED
    assert world.agrees == "2"


def test_a_version_that_failed_from_the_first_is_taken_back_by_a_sweep_that_comes_late(world: Promoted) -> None:
    incident = world.after(180, asked(1, 180, failing=20))
    assert incident is not None
    assert world.healed(incident) == Outcome.ROLLED_BACK


def test_a_policy_without_a_bake_time_asks_a_person(tmp_path: Path) -> None:
    world = Promoted(tmp_path, rollout={"bake": "off"})
    incident = world.after(5, asked(1, 5, failing=20))
    assert incident is not None
    assert world.healed(incident) == Outcome.ESCALATED
    assert world.agrees == "2"


def test_a_version_that_was_put_back_is_not_taken_back_again(world: Promoted) -> None:
    first = world.after(5, asked(1, 5, failing=20))
    assert first is not None
    world.healed(first)
    second = world.after(20, [*asked(1, 5, failing=20), *asked(6, 20, failing=20, version="1")])
    assert second is not None
    assert world.healed(second) == Outcome.ESCALATED
    assert world.agrees == "1"


def test_a_service_that_stays_sick_is_told_once_a_day(world: Promoted) -> None:
    sick = asked(1, 2000, failing=20)
    incident = world.after(180, sick, [Asked(NOW - MINUTE, "1", 1000, 500)])
    assert incident is not None
    world.healed(incident)
    assert world.after(240, sick, [Asked(NOW - MINUTE, "1", 1000, 500)]) is None
    assert world.after(1800, sick, [Asked(NOW - MINUTE, "1", 1000, 500)]) is not None


def test_the_sweep_in_a_cluster_starts_the_heal_of_a_sick_service_at_once(world: Promoted) -> None:
    world.health.asked = [*WELL, *asked(1, 5, failing=20)]
    world.clock.sleep(5 * MINUTE)
    workflows = FakeWorkflows()
    sweep_in_cluster(world.site, workflows, {"heal": "heal-churn"})
    current = world.site.ledger.current("churn")
    assert current is not None
    assert workflows.heals == {current.id: "heal-churn"}


class Down:
    """Serving where no predictor of version 2 is ready; `stopped` by a person."""

    def __init__(self, serving: Serving, *, stopped: bool = False) -> None:
        self._serving, self._stopped = serving, stopped

    def __getattr__(self, name: str) -> Any:
        return getattr(self._serving, name)

    def state(self) -> ServingState:
        state = self._serving.state()
        silent = state.champion is not None and state.champion.version == "2"
        return replace(state, champion=replace(state.champion, ready=False), stopped=self._stopped) if silent and state.champion else state


def test_a_version_of_which_no_predictor_is_ready_at_two_looks_is_taken_back(world: Promoted) -> None:
    world.site.serving = Down(world.serving)  # type: ignore[assignment]
    assert [world.after(minutes, []) for minutes in (5, 6)] == [None, None], "a pod may be on its way to another node"
    incident = world.after(10, [])
    assert incident is not None
    assert world.healed(incident) == Outcome.ROLLED_BACK
    assert world.agrees == "1"


def test_a_version_that_is_silent_for_a_moment_is_left_alone(world: Promoted) -> None:
    serving = world.site.serving
    world.site.serving = Down(world.serving)  # type: ignore[assignment]
    assert world.after(5, []) is None
    world.site.serving = serving
    assert world.after(10, []) is None
    world.site.serving = Down(world.serving)  # type: ignore[assignment]
    assert world.after(40, []) is None


def test_a_service_that_a_person_has_stopped_is_not_started_again(world: Promoted) -> None:
    world.site.serving = Down(world.serving, stopped=True)  # type: ignore[assignment]
    assert [world.after(minutes, []) for minutes in (5, 10, 15)] == [None] * 3


class Killed(BaseException):
    pass


class Dies:
    """A store whose process is killed before its n-th write."""

    def __init__(self, store: ObjectStore, writes: int) -> None:
        self._store, self._left = store, writes

    def __getattr__(self, name: str) -> Any:
        if name in ("create", "swap"):
            if not self._left:
                raise Killed
            self._left -= 1
        return getattr(self._store, name)


@pytest.mark.parametrize("writes", range(0, 40, 3))
def test_a_kill_at_any_write_leaves_one_incident_that_the_next_sweep_brings_to_its_end(world: Promoted, writes: int) -> None:
    world.health.asked = [*WELL, *asked(1, 5, failing=20)]
    world.clock.sleep(5 * MINUTE)
    dying = replace(world.site, store=Dies(world.site.store, writes))  # type: ignore[arg-type]
    with suppress(Killed):
        sweep(dying)
        current = dying.ledger.current("churn")
        assert current is not None
        heal(Run(dying, current), begin=lambda _step, _run: None, table=TABLE)
    sweep(world.site)
    if (left := world.site.ledger.current("churn")) is not None:
        world.healed(left)
    about = [each for each in world.site.ledger.incidents("churn") if each.alert == SERVICE]
    assert len(about) == 1
    closing = world.site.ledger.closing(about[0])
    assert closing is not None
    assert closing.outcome is Outcome.ROLLED_BACK
    assert world.agrees == "1"


def test_people_are_told_once_of_a_sick_service_that_waits_for_another_heal(tmp_path: Path) -> None:
    world = DeployedWorld(tmp_path)
    world.site.health = FakeHealth([Asked(NOW - MINUTE, "1", 100, 500)])
    for _ in range(2):
        sweep(world.site)
    assert world.site.notifier.events.count("service.sick") == 1  # type: ignore[attr-defined]


def test_a_health_that_cannot_be_asked_for_changes_nothing(world: Promoted) -> None:
    world.health.away = True
    assert world.after(5, asked(1, 5, failing=20)) is None
