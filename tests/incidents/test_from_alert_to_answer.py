"""The whole way through a cluster's API: an alert starts a heal, the heal waits, a person's answer
lets it go on.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from modelmedic.steps.adapters.store.folder import FolderStore
from modelmedic.steps.contracts.detection import Verdict
from modelmedic.steps.contracts.keys import verdict_key
from modelmedic.steps.contracts.ports import Workflows
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import VerdictState
from modelmedic.steps.incidents.triage import triage
from modelmedic.steps.records.documents import keep
from tests.cli.program import run
from tests.cli.records import Records
from tests.incidents.test_alerts import alert, body
from tests.worlds.played import WINDOW
from tests.worlds.triage import TEMPLATE, HealEngine, in_cluster, over_http


@dataclass
class AlertWorkspace:
    store: FolderStore
    workflows: Workflows
    models: Mapping[str, Mapping[str, str]]
    actor: str = "triage"

    def fleet(self) -> Mapping[str, Mapping[str, str]]:
        return self.models

    def outbox(self, model: str, say: Callable[[str], None]) -> None:  # noqa: ARG002 - the workspace's signature
        return


@pytest.fixture(params=["http", pytest.param("argo", marks=pytest.mark.e2e)])
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HealEngine]:
    with ExitStack() as stack:
        yield stack.enter_context(over_http(tmp_path, monkeypatch) if request.param == "http" else in_cluster())


def test_an_alert_starts_a_heal_that_waits_for_a_persons_answer(world: HealEngine, tmp_path: Path) -> None:
    model, now = f"churn-{os.urandom(4).hex()}", datetime.now(UTC)
    records = Records(tmp_path / "store", model)
    window = Window(now - WINDOW.length, now)
    verdict = Verdict(VerdictState.DRIFTED, 900, 900, window=window, model=model, model_version="1", measured_at=now)
    keep(records.store, verdict_key(model, "1", now), verdict)
    place = AlertWorkspace(records.store, world.workflows, {model: {"policy": records.policy.hash, "heal": TEMPLATE}})
    assert triage(place, body(alert(labels={"model": model})), print) == {"opened": "1", "attached": "0", "refused": "0"}
    incident = records.validated()
    world.reach(incident.id, "approve")
    namespace = os.environ.get("MODELMEDIC_E2E_NAMESPACE", "modelmedic-e2e")
    ended = run("approve", incident.id, "--by", "ana", "--store", records.root, "--kube", "--namespace", namespace)
    assert ended.exit_code == 0, ended.stderr
    assert world.decided(incident.id) == "approved"
    assert [answer.by for answer in records.ledger.answers(incident)] == ["ana"]
