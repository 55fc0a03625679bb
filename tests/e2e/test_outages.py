"""Services that the loop needs go away in the middle: nothing goes forward, and a canary does not
stay unwatched.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from modelmedic.examples.cluster import runs
from modelmedic.examples.cluster.kubectl import Late, wait_until
from tests.e2e.stage import Stage, evidence, variant

pytestmark = pytest.mark.slow


@contextmanager
def _away(stage: Stage, service: str) -> Iterator[None]:
    """Nobody reaches it by its Service while the block lasts; what it keeps stays, and a
    port-forward that is open goes on.
    """

    def select(selector: dict[str, str | None]) -> None:
        stage.cluster.run("patch", "service", service, "--type=merge", "-p", json.dumps({"spec": {"selector": selector}}))

    select({"app.kubernetes.io/name": "nobody"})
    try:
        yield
    finally:
        select({"app.kubernetes.io/name": service})


@pytest.mark.parametrize("service", ["object-store", "mlflow"])
def test_while_it_is_away_no_canary_goes_on_and_none_stays(stage: Stage, service: str) -> None:
    before = stage.alias(), stage.served()
    stage.flights()
    incident = stage.opened(variant(stage.policy, rollout={"hold": "25s"}))
    with stage.asking() as passengers:
        workflow = stage.start(incident)
        wait_until(stage.share, 300, "the canary's share")
        with _away(stage, service):
            wait_until(stage.no_canary, 400, "the end of the canary")
            assert (stage.alias(), stage.served()) == before
        wait_until(lambda: stage.ended(workflow), 600, "the end of the heal")
        stage.swept()
    stage.agrees()
    assert (stage.alias(), stage.served()) == before
    assert passengers.failures == []
    closing = stage.closing(incident)
    facts = {"outcome": closing.outcome.value, "sentence": closing.sentence, "requests": passengers.requests, "failed": 0}
    evidence(f"i: {service} away during a canary", facts)


@pytest.mark.parametrize("service", ["object-store", "mlflow"])
def test_a_heal_that_begins_while_it_is_away_trains_nothing_before_it_is_back(stage: Stage, service: str) -> None:
    stage.flights()
    incident = stage.opened()
    with stage.asking():
        with _away(stage, service):
            workflow = stage.start(incident)
            wait_until(lambda: True if len(_tries(stage, workflow)) >= 2 else None, 240, "a second try of the diagnosis")
            assert stage.pods("train") == []
        runs.succeed(stage.cluster, workflow, 420)
    stage.agrees()
    evidence(f"i: {service} away at the beginning", {"outcome": stage.closing(incident).outcome.value, "tries": _tries(stage, workflow)})


def test_a_monitor_that_cannot_push_says_so_and_its_incident_is_not_lost(stage: Stage) -> None:
    stage.flights()
    with _away(stage, "pushgateway"):
        workflow = runs.monitor(stage.cluster, stage.model)
        with pytest.raises(Late, match="the metrics were not delivered"):
            runs.succeed(stage.cluster, workflow, 400)
    current = stage.ledger.current(stage.model)
    assert current is not None
    assert stage.look() in ("degraded", "drifted")
    again = stage.ledger.current(stage.model)
    assert again is not None
    assert again.id == current.id
    evidence("i: Pushgateway away", {"incident": current.id, "monitor": "failed, said why"})


def _tries(stage: Stage, workflow: str) -> list[str]:
    return [node.name for node in runs.nodes(stage.cluster, workflow) if node.name.startswith("diagnose")]
