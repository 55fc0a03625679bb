"""The samples of heals and of the sweep for Prometheus: every metric of theirs, and never at the
price of a step.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from modelmedic.steps.adapters.prometheus import Pushgateway, TextFile
from modelmedic.steps.approval.pending import request_approval
from modelmedic.steps.contracts import metrics as m
from modelmedic.steps.contracts.audit import MESSAGE_LOST
from modelmedic.steps.contracts.errors import BadInput, StoreError, Transient
from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.samples import Sample
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.heal.close import close
from modelmedic.steps.heal.deploy import deploy
from modelmedic.steps.incidents.heal_metrics import sweep_samples, tell_sweep, tell_sweep_ended
from tests.detection.test_monitor_metrics import gateway
from tests.worlds.deployed import DeployedWorld
from tests.worlds.played import NOW, run

Values = Mapping[tuple[str, ...], float]


class Heard:
    """A publisher that keeps what stands, and everything of one metric that ever did. `away`
    refuses it all.
    """

    def __init__(self) -> None:
        self.away = False
        self.groups: dict[tuple[str, str | None], Sequence[Sample]] = {}
        self.ever: list[Sample] = []

    def publish(self, job: str, model: str | None, samples: Sequence[Sample]) -> None:
        if self.away:
            raise Transient("the gateway is away")
        self.groups[job, model] = samples
        self.ever += samples

    def value(self, metric: m.Metric, job: str = m.HEAL_JOB) -> float | None:
        return next((sample.value for sample in self.groups[job, "churn"] if sample.metric is metric), None)

    def course(self, metric: m.Metric) -> list[float]:
        return [sample.value for sample in self.ever if sample.metric is metric]


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def world(tmp_path: Path, heard: Heard) -> DeployedWorld:
    world = DeployedWorld(tmp_path)
    world.site.metrics = heard
    return world


def swept(world: DeployedWorld) -> dict[str, float]:
    return {sample.metric.name: sample.value for sample in sweep_samples(world.site)}


def failing(world: DeployedWorld) -> None:
    """From the first share on the challenger answers nothing."""
    play = world.clock.meanwhile

    def meanwhile(start: datetime, end: datetime) -> None:
        world.serving.behaviours["2"] = {"status": 500}
        play(start, end)

    world.clock.meanwhile = meanwhile


def test_each_share_is_told_as_it_is_set_and_none_is_left_at_the_end(world: DeployedWorld, heard: Heard) -> None:
    deploy(world.run, "2")
    assert heard.course(m.CANARY_SHARE) == [20, 50, 0]
    assert heard.value(m.CANARY_WORSE) == 0


def test_a_canary_that_was_worse_is_told_until_the_next_one_gets_traffic(world: DeployedWorld, heard: Heard) -> None:
    failing(world)
    assert deploy(world.run, "2") == {"outcome": "withdrawn"}
    assert (heard.value(m.CANARY_SHARE), heard.value(m.CANARY_WORSE)) == (0, 1)
    close(world.run)
    tell_sweep(world.site)
    assert heard.value(m.CANARY_WORSE) == 1
    state = world.serving.start_canary(world.second, expected=world.serving.state().generation)
    world.serving.set_share(5, expected=state.generation)
    tell_sweep(world.site)
    assert (heard.value(m.CANARY_SHARE), heard.value(m.CANARY_WORSE)) == (5, 0)


@pytest.mark.parametrize("behaviour", [{"dies": True}, {"error": "no such file"}], ids=str)
def test_a_challenger_that_never_came_up_was_not_worse(tmp_path: Path, heard: Heard, behaviour: Mapping[str, Any]) -> None:
    world = DeployedWorld(tmp_path, behaviours={"2": behaviour})
    world.site.metrics = heard
    assert deploy(world.run, "2") == {"outcome": "withdrawn"}
    assert heard.value(m.CANARY_WORSE) == 0


@pytest.mark.parametrize("traffic", [0, 6], ids=["nobody", "too few"])
def test_a_canary_that_too_few_asked_is_not_judged_and_was_not_worse(tmp_path: Path, heard: Heard, traffic: int) -> None:
    world = DeployedWorld(tmp_path, traffic=traffic)
    world.site.metrics = heard
    assert deploy(world.run, "2") == {"outcome": "withdrawn"}
    assert heard.value(m.CANARY_WORSE) == 0


def test_ends_are_told_by_outcome_and_the_latest_of_each_stays(world: DeployedWorld, heard: Heard) -> None:
    for days, outcome in enumerate((Outcome.HEALED, Outcome.REJECTED, Outcome.HEALED), start=1):
        ended = run(world.site, f"alert {days}").incident
        world.site.ledger.close(ended, Closing(outcome, NOW + timedelta(days=days), "made up"))
    tell_sweep(world.site)
    ends = {sample.labels["outcome"]: sample.value for sample in heard.groups[m.HEAL_JOB, "churn"] if sample.metric is m.HEAL_END}
    assert ends == {"healed": (NOW + timedelta(days=3)).timestamp(), "rejected": (NOW + timedelta(days=2)).timestamp()}


def test_a_heal_that_an_error_ended_is_told_until_one_ends_well(world: DeployedWorld, heard: Heard) -> None:
    close(world.run, "the pod was lost")
    assert (heard.value(m.HEAL_FAILED), heard.value(m.CANARY_SHARE)) == (1, 0)
    after = run(world.site, "another").incident
    world.site.ledger.close(after, Closing(Outcome.NO_ACTION, NOW, "nothing to do"))
    tell_sweep(world.site)
    assert heard.value(m.HEAL_FAILED) == 0


def test_every_metric_of_both_jobs_is_told_each_time(world: DeployedWorld, heard: Heard) -> None:
    """A publish replaces the whole group: what it leaves out is gone."""
    deploy(world.run, "2")
    close(world.run)
    tell_sweep(world.site)
    tell_sweep_ended(heard, 1.0, print)
    for job in (m.HEAL_JOB, m.RECONCILE_JOB):
        told = {sample.metric for (of, _), samples in heard.groups.items() if of == job for sample in samples}
        assert told == set(m.PUSHED[job])


def test_a_quiet_model_has_nothing_against_it(world: DeployedWorld) -> None:
    world.site.ledger.close(world.run.incident, Closing(Outcome.NO_ACTION, NOW, "nothing to do"))
    assert set(swept(world).values()) == {0.0}


def test_an_open_incident_and_the_wait_for_an_answer_are_told(tmp_path: Path) -> None:
    world = DeployedWorld(tmp_path, approval="needed")
    assert swept(world)[m.WAITING.name] == 0, "nobody was asked yet"
    request_approval(world.run)
    world.clock.sleep(timedelta(hours=5))
    told = swept(world)
    assert (told[m.INCIDENTS.name], told[m.WAITING.name]) == (1, 5 * 3600)


def test_an_open_breaker_is_told(world: DeployedWorld) -> None:
    close(world.run, "broke")
    for number in range(world.site.policy.limits.breaker.failures - 1):
        assert swept(world)[m.BREAKER.name] == 0
        close(run(world.site, f"alert {number}"), "broke")
    assert swept(world)[m.BREAKER.name] == 1


def test_messages_that_were_not_taken_are_counted_for_a_day(world: DeployedWorld) -> None:
    assert swept(world)[m.MESSAGES_LOST.name] == 0
    for where in ("receiver team", "Alertmanager"):
        world.site.note(MESSAGE_LOST, {"event": "incident.closed", "where": where, "error": "answered 404"})
    assert swept(world)[m.MESSAGES_LOST.name] == 2
    world.clock.sleep(timedelta(days=1, minutes=1))
    assert swept(world)[m.MESSAGES_LOST.name] == 0


@pytest.mark.parametrize("scope", [None, "churn"], ids=["all models", "this model"])
def test_a_freeze_is_told_until_it_is_lifted(world: DeployedWorld, scope: str | None) -> None:
    world.site.freezes.freeze(scope, by="ana", reason="sale")
    assert swept(world)[m.FROZEN.name] == 1
    world.site.freezes.lift(scope, by="ana")
    assert swept(world)[m.FROZEN.name] == 0


def test_what_serves_what_is_aliased_and_what_is_recorded_have_to_agree(world: DeployedWorld) -> None:
    assert swept(world)[m.DISAGREEMENT.name] == 0
    theirs = world.registry.add_by_hand({})
    world.registry.move_alias("champion", theirs, expected="1")
    assert swept(world)[m.DISAGREEMENT.name] == 1


def test_a_gateway_that_is_away_ends_no_step_and_is_noted_beside_the_incident(world: DeployedWorld, heard: Heard) -> None:
    said: list[str] = []
    world.site.say, heard.away = said.append, True
    assert deploy(world.run, "2") == {"outcome": "healed"}
    assert close(world.run) == {"outcome": "healed"}
    tell_sweep(world.site)
    tell_sweep_ended(heard, 1.0, said.append)
    assert said.count("the gateway is away") == 7  # two shares, the end of the climb, the close, the sweep's two groups, its own end
    noted = [record for record in world.site.trail.records() if record.event == "metrics.failed"]
    assert [record.incident for record in noted] == [world.run.incident.id] * 4


def test_a_store_that_is_away_is_no_other_error_for_it(world: DeployedWorld, heard: Heard) -> None:
    def away(*_: object) -> None:
        world.site.store.unreachable = True  # type: ignore[attr-defined]

    world.clock.meanwhile = away
    with pytest.raises(StoreError):
        deploy(world.run, "2")
    assert heard.course(m.CANARY_SHARE) == [20]
    assert world.serving.state().canary is None
    tell_sweep(world.site)
    world.site.store.unreachable = False  # type: ignore[attr-defined]
    tell_sweep(world.site)
    assert heard.value(m.CANARY_SHARE) == 0, "the sweep says how it stands"


def test_the_sweep_itself_is_of_no_model(tmp_path: Path) -> None:
    tell_sweep_ended(TextFile(tmp_path), 1_700_000_000.0, print)
    (family,) = text_string_to_metric_families((tmp_path / "modelmedic-reconcile.prom").read_text())
    (sample,) = family.samples
    assert (sample.name, sample.labels, sample.value) == (m.RECONCILE_RUN.name, {}, 1_700_000_000.0)


def test_a_pushgateway_keeps_it_in_a_group_of_its_job_alone() -> None:
    with gateway() as (url, received):
        tell_sweep_ended(Pushgateway(url), 1.5, print)
    ((method, path, body),) = received
    assert (method, path) == ("PUT", "/metrics/job/modelmedic-reconcile")
    assert b"modelmedic_reconcile_last_run_timestamp_seconds 1.5" in body


@pytest.mark.parametrize(("metric", "labels"), [(m.RECONCILE_RUN, {"outcome": "healed"}), (m.HEAL_END, {}), (m.FROZEN, {"model": "x"})])
def test_a_sample_has_exactly_the_labels_of_its_metric(metric: m.Metric, labels: dict[str, str]) -> None:
    with pytest.raises(BadInput, match="expected"):
        Sample(metric, 1.0, labels)
