"""A colleague's release that answers the wrong way round: found by its version, and taken back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelmedic.examples.cluster.kubectl import wait_until
from modelmedic.examples.cluster.world import World
from modelmedic.examples.flights.faults import with_a_sign_error
from modelmedic.steps.adapters.clocks import SystemClock
from modelmedic.steps.adapters.kserve.document import predictor, storage_uri
from modelmedic.steps.adapters.models.files import push
from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.keys import model_prefix
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.reconcile.sweep import RELEASED_BY_HAND
from modelmedic.steps.records.history import History
from modelmedic.steps.training.train import train_in_child
from tests.e2e.stage import Stage, evidence

_SPRING = datetime(2013, 4, 14, tzinfo=UTC)  # while the first champion still knows its world


@pytest.mark.slow
def test_a_release_that_does_harm_is_rolled_back(stage: Stage, tmp_path: Path) -> None:
    spring = World(stage.world.flights, stage.world.now, _SPRING)
    stage.asked_about(spring.between(_SPRING - timedelta(days=40), _SPRING - timedelta(days=16)))
    bad = _released_by_hand(stage, with_a_sign_error(spring.between(_SPRING - timedelta(days=70), _SPRING - timedelta(days=16))), tmp_path)
    _noticed(stage, bad, datetime.now(UTC) - timedelta(days=16))
    stage.asked_about(spring.between(_SPRING - timedelta(days=16), _SPRING - timedelta(days=2)))
    assert (stage.alias(), stage.served()) == (bad, bad)
    assert stage.look() == "degraded"
    incident = stage.ledger.current(stage.model)
    assert incident is not None
    with stage.asking() as passengers:
        closing = stage.healed(incident)
    assert closing.outcome is Outcome.ROLLED_BACK, closing.sentence
    assert (stage.alias(), stage.served()) == ("1", "1")
    stage.agrees()
    assert stage.pods("train") == []
    assert passengers.failures == []
    evidence("d: bad release", {"from": bad, "to": "1", "sentence": closing.sentence, "requests": passengers.requests, "failed": 0})


def _noticed(stage: Stage, version: str, at: datetime) -> None:
    """As the sweep writes it down within five minutes; moved into the past like the flights that
    the version answers.
    """
    History(stage.store, SystemClock()).record_release(stage.model, Release(at, version, "1", by=RELEASED_BY_HAND))


def _released_by_hand(stage: Stage, rows: pa.Table, work: Path) -> str:
    """Trained, registered, served and aliased past every gate, as a person does it with MLflow and
    kubectl; the version.
    """
    pq.write_table(rows, work / "rows.parquet")
    trained = train_in_child(work / "rows.parquet", stage.policy, work / "out")
    assert trained.folder is not None, trained.sentence
    made = stage.registry.register(trained.folder, key=f"by-hand-{datetime.now(UTC):%s}", tags={"by": "a colleague"}, metrics={})
    push(stage.store, model_prefix(made.digest), trained.folder)
    name = stage.policy.serving.inferenceService
    service = stage.cluster.get("inferenceservice", name)
    assert service is not None
    base = service["spec"]["predictor"]
    changed = predictor(base, made, storage_uri("s3://modelmedic", made.uri), stage.policy, base["name"])
    stage.patch("inferenceservice", name, {"spec": {"predictor": changed}})
    wait_until(lambda: True if stage.served() == made.version else None, 180, f"version {made.version} at the gateway")
    stage.registry.move_alias(stage.policy.registry.champion, made.version, expected=stage.alias())
    return made.version
