"""Challengers that pass every gate and fail where they serve: none of them is promoted, and the
champion goes on.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from modelmedic.examples.cluster import runs
from modelmedic.examples.cluster.kubectl import wait_until
from modelmedic.examples.cluster.world import TODAY
from modelmedic.steps.adapters.predictor.client import PredictorClient
from modelmedic.steps.contracts.errors import ModelmedicError
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.keys import model_prefix
from modelmedic.steps.contracts.words import Outcome
from tests.e2e.stage import Stage, evidence, overwrite, variant

pytestmark = pytest.mark.slow


def _played_until_it_is_gone(stage: Stage, incident: Incident, play: Callable[[Callable[[], bool]], None]) -> None:
    """The heal of the incident; from its canary's share on `play` goes on, until that canary is
    gone.
    """
    stop = threading.Event()
    player = threading.Thread(target=play, args=(stop.is_set,), daemon=True)
    with stage.asking():
        workflow = stage.start(incident)
        wait_until(stage.share, 300, "the canary's share")
        player.start()
        try:
            wait_until(stage.no_canary, 240, "the end of the canary")
        finally:
            stop.set()
            player.join(60)
        runs.succeed(stage.cluster, workflow, 300)


def test_a_canary_that_never_comes_up_is_taken_back(stage: Stage) -> None:
    """Its files are damaged between its gates and its pod, which refuses what is not the model that
    was judged.
    """
    before = stage.alias(), stage.served()
    stage.flights()
    incident = stage.opened()
    with stage.asking() as passengers:
        workflow = stage.start(incident)
        version = wait_until(lambda: stage.challenger(workflow), 300, "a challenger that passed its gates")
        folder = f"{model_prefix(stage.registry.version(version).digest)}/"
        for key in stage.store.list(folder):
            if key.endswith((".skops", ".pkl", "MLmodel")):
                overwrite(key, b"damaged")
        runs.succeed(stage.cluster, workflow, 420)
    _taken_back(stage, incident.id, before)
    assert passengers.failures == []
    evidence(
        "f: canary that does not come up", {"sentence": stage.closing(incident).sentence, "requests": passengers.requests, "failed": 0}
    )


def test_a_canary_that_crashes_under_traffic_is_taken_back(stage: Stage) -> None:
    """Whoever was given to it may see its failures: no Gateway API gateway asks the champion
    again.
    """
    before = stage.alias(), stage.served()
    stage.flights()
    incident = stage.opened(variant(stage.policy, rollout={"hold": "80s", "deadline": "90s"}))

    def crash(stopped: Callable[[], bool]) -> None:
        while not stopped():
            if pod := stage.canary_pod():
                stage.cluster.run("exec", pod, "-c", "kserve-container", "--", "python", "-c", "import os; os.kill(1, 15)", check=False)

    _played_until_it_is_gone(stage, incident, crash)
    _taken_back(stage, incident.id, before)
    evidence("f: canary that crashes", {"sentence": stage.closing(incident).sentence})


def test_a_canary_that_is_slower_than_the_champion_is_taken_back(stage: Stage) -> None:
    """Somebody asks it, and it alone, for thousands of rows at a time."""
    before = stage.alias(), stage.served()
    stage.flights()
    incident = stage.opened(variant(stage.policy, validate={"latencyP95Ms": 300}, rollout={"hold": "60s"}))
    heavy = stage.world.between(TODAY - timedelta(days=40), TODAY - timedelta(days=4)).select([*stage.policy.features, "time_hour"])

    def burden(stopped: Callable[[], bool]) -> None:
        pod = wait_until(stage.canary_pod, 60, "the canary's pod")
        name = stage.policy.serving.inferenceService
        with stage.cluster.forwarded(f"pod/{pod}", 8080) as port, PredictorClient(f"http://127.0.0.1:{port}", name) as client:
            while not stopped():
                with suppress(ModelmedicError):  # it ends in the middle of an answer
                    client.ask(heavy, "heavy")

    _played_until_it_is_gone(stage, incident, burden)
    _taken_back(stage, incident.id, before)
    assert "p95" in stage.closing(incident).sentence
    evidence("f: canary that is slower", {"sentence": stage.closing(incident).sentence})


def _taken_back(stage: Stage, identity: str, before: tuple[str | None, str]) -> None:
    outcome = stage.closing(stage.ledger.find(identity)).outcome
    assert outcome is Outcome.WITHDRAWN
    assert (stage.alias(), stage.served()) == before
    stage.agrees()
