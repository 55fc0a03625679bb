"""Everything that the loop does in a cluster it can do with the store access that is rendered for
it, each step as its own class.

The short life has two versions that a test vouches for; in the whole one a model is trained and
judged three times.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.adapters.memory.serving import Ask, RehearsedServing
from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.adapters.models.files import pull
from modelmedic.steps.adapters.models.frames import features
from modelmedic.steps.adapters.models.loader import load_model
from modelmedic.steps.adapters.store.probe import probe
from modelmedic.steps.approval.answers import give
from modelmedic.steps.contracts.detection import Verdict
from modelmedic.steps.contracts.errors import StoreError
from modelmedic.steps.contracts.heal_stages import HEAL
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.inference_log import LABELLED_AT
from modelmedic.steps.contracts.keys import bootstrap_prefix, verdict_key
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import Clock, EventSink, Serving
from modelmedic.steps.contracts.results import RetrainResult
from modelmedic.steps.contracts.training import ModelVersion, TrainingPlan
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Cause, Remedy, VerdictState
from modelmedic.steps.data.backfill import write_labels, write_log
from modelmedic.steps.data.parquet import encoded
from modelmedic.steps.entrypoints import ENTRYPOINTS
from modelmedic.steps.heal.engine import heal
from modelmedic.steps.heal.results import page_of
from modelmedic.steps.heal.steps import call
from modelmedic.steps.incidents.triage import triage
from modelmedic.steps.records.documents import keep
from modelmedic.steps.records.freezes import Freezes
from modelmedic.steps.runtime.run import Outputs, Run, Site, silent
from modelmedic.steps.runtime.workspace import Workspace
from modelmedic.workflows.cluster.store_access import store_policies
from modelmedic.workflows.inputs.platform import Platform
from tests.contracts.guarded import BUCKET, Guarded
from tests.fakes.registry import FakeRegistry
from tests.fakes.serving import FakeServing
from tests.fakes.workflows import FakeWorkflows
from tests.incidents.test_alerts import alert, body
from tests.worlds.results import validated
from tests.worlds.training import NOW, START, TURN, diagnosed, policy, rows

DAY = timedelta(days=1)
RULES = policy(
    detect={"persistence": {"hits": 1, "of": 1}},
    autonomy={"retrain": "approve"},
    rollout={"steps": [50], "hold": "5m", "deadline": "1h", "minRequests": 5, "replayRequests": 40},
)
CLASSES = {stage.step: stage.account.value for stage in HEAL}
ENTRYPOINT_CLASSES = {"monitor": "observe", "reconcile": "deploy", "triage": "triage", "note-change": "triage"}
PART_CLASSES = {"check": "deploy", "train": "train", "register": "validate", "serve": "deploy"}


def _made_up(version: str, rows: pa.Table) -> np.ndarray:
    """The answers of versions without files: the first is sure, the second not."""
    return np.full(rows.num_rows, 0.99 if version == "1" else 0.5)


class Predictors(RehearsedServing):
    """Each loads its model from the store, as a predictor's pod does, and answers with it."""

    def __init__(self, store: Guarded, work: Path) -> None:
        super().__init__(self._loaded)
        self._store, self._work = store, work

    def _loaded(self, model: ModelVersion) -> Ask:
        with self._store.by("predictor"):
            folder = pull(self._store, model.uri, self._work / model.digest, model.digest)
        loaded = load_model(folder, RULES.data.task)
        return lambda rows: loaded.ask(features(rows, RULES))


class Received:
    """A receiver of events outside of the loop."""

    def __init__(self) -> None:
        self.events: list[Mapping[str, Any]] = []

    def send(self, event: Mapping[str, Any]) -> None:
        self.events.append(event)


class PodWorkspace(Workspace):
    """The workspace of one model's pods; each of them opens the store with the probe."""

    def __init__(self, folder: Path, whole: bool) -> None:
        super().__init__(folder, {"MODELMEDIC_ACTOR": "pod"})
        self.whole = whole
        platform = Platform.model_validate({"services": {"store": BUCKET}})
        documents = {Path(name).stem: json.loads(text) for name, text in store_policies([RULES], platform).items()}
        self.guarded = Guarded(MemoryStore(), documents)
        self.store = self.guarded
        self.registry = FakeRegistry(folder / "registered", RULES.registry.name)
        self.serving = Predictors(self.guarded, folder / "predictors") if whole else FakeServing()
        self.clock = PlayedClock(TURN, self._requests)
        self.heals = FakeWorkflows()
        self.received = Received()

    @property
    def event_sink(self) -> EventSink:  # type: ignore[override] # the receiver outlives the pods
        return self.received

    @property
    def workflows(self) -> Any:
        return self.heals

    def policy(self) -> Policy:
        return RULES

    def fleet(self) -> Mapping[str, Mapping[str, str]]:
        return {RULES.name: {"policy": RULES.hash, "heal": "heal-churn"}}

    def site(
        self,
        policy: Policy,
        *,
        clock: Clock | None = None,
        say: Callable[[str], None] = silent,
        terminal: bool = False,
        records: bool = True,
    ) -> Site:
        del terminal
        made = super().site(policy, clock=clock or self.clock, say=say, terminal=False, records=records)
        return replace(made, registry=self.registry, ask=None if self.whole else _made_up)

    def serving_of(self, policy: Policy) -> Serving:
        del policy
        return self.serving

    def entrypoint(self, name: str, **inputs: str) -> Outputs:
        with self.pod(PART_CLASSES[inputs["part"]] if name == "bootstrap" else ENTRYPOINT_CLASSES[name]):
            return ENTRYPOINTS[name](self, inputs, silent)

    def step(self, name: str, run: Run, inputs: Mapping[str, str]) -> Outputs:
        """As `python -m modelmedic.steps` does it."""
        with self.pod(CLASSES[name]):
            mine = self.run(run.incident.id)
            outputs = call(name, mine, {key: value for key, value in inputs.items() if key != "error"})
            if name == "close":
                assert b"<svg" in (page_of(mine) or b"")
            return outputs

    def pod(self, step_class: str) -> Any:
        with self.guarded.by(step_class):
            probe(self.guarded)
        return self.guarded.by(step_class)

    def served(self, table: pa.Table, version: str) -> None:
        """Logged by a predictor; the labels are somebody else's."""
        said = {"model_version": version, "served_by": "unknown"}
        for name, value in said.items():
            table = table.set_column(table.column_names.index(name), name, pa.array([value] * table.num_rows, pa.string()))
        with self.guarded.by("predictor"):
            write_log(self.guarded, RULES, table)
        write_labels(self.guarded, RULES, table.append_column(LABELLED_AT, table["at"]))

    def _requests(self, start: datetime, end: datetime) -> None:
        asked = pa.table({"age": [40.0], "spend": [90.0], "plan": ["pro"]})
        for _ in range(min(int((end - start).total_seconds() / 10), 12)):
            self.serving.ask(asked)


def alerted(name: str) -> bytes:
    return body(alert(labels={"alertname": name, "model": RULES.name}))


def bootstrapped(at: PodWorkspace) -> None:
    at.guarded.create(f"{bootstrap_prefix(RULES.name)}rows.parquet", encoded(rows(START, TURN, RULES)))
    at.entrypoint("bootstrap", part="check")
    candidate = at.entrypoint("bootstrap", part="train")["candidate"]
    version = at.entrypoint("bootstrap", part="register", candidate=candidate)["version"]
    at.entrypoint("bootstrap", part="serve", version=version)


def made_up(at: PodWorkspace) -> None:
    """Two versions with their references, as people may bring them; what serves answers 0.5 to
    everything.
    """
    site = at.site(RULES)
    for version in ("1", "2"):
        folder = at.root / f"made-up-{version}"
        folder.mkdir()
        (folder / "MLmodel").write_text(f"flavors: {{}}  # {version}\n")
        table = rows(START, TURN, RULES)
        if version == "2":
            table = table.set_column(table.column_names.index("prediction"), "prediction", pa.array([0.5] * table.num_rows))
        site.references.keep(at.registry.register(folder, key=version, tags={}, metrics={}).version, table)
    at.entrypoint("bootstrap", part="serve", version="1")


def vouched(at: PodWorkspace, run: Run) -> None:
    """Version 2 as the challenger of the incident, without training and gates."""
    at.step("diagnose", run, {})
    plan = TrainingPlan(Remedy.RETRAIN, run.incident.window, run.incident.window)
    run.record(RetrainResult(plan, trained=True))
    run.record(validated("2", at.registry.version("2").digest))


def answered(at: PodWorkspace, table: pa.Table) -> pa.Table:
    """The rows with the answers of what serves, where a real model does."""
    if not isinstance(at.serving, RehearsedServing):
        return table
    return table.set_column(table.column_names.index("prediction"), "prediction", pa.array(at.serving.serve(table).values))


def healed(at: PodWorkspace) -> None:
    """From the monitor's verdict over an alert and a person's yes to a champion that helped."""
    at.served(rows(TURN - 10 * DAY, NOW, RULES), "1")
    at.clock.sleep(NOW - TURN)
    assert at.entrypoint("monitor") == {"state": "degraded"}
    payload = at.root / "payload"
    payload.write_bytes(base64.b64encode(alerted("ModelmedicDegraded")))
    assert at.entrypoint("triage", payload=str(payload))["attached"] == "1"
    change = {"at": "2024-05-01T08:00:00Z", "what": "orders v12", "model": RULES.name}
    payload.write_bytes(base64.b64encode(json.dumps(change).encode()))
    assert [at.entrypoint("note-change", payload=str(payload))["new"] for _ in range(2)] == ["yes", "no"]
    (incident,) = at.heals.heals
    run = at.run(incident)
    if not at.whole:
        vouched(at, run)
    assert heal(run, step=at.step).waiting_at == "approve"
    give(at.guarded, at.clock, incident, approved=True, by="ana")
    walk = heal(run, step=at.step)
    assert walk.outcome == "healed", run.site.ledger.stage(run.incident, "deploy")
    assert at.entrypoint("monitor")["state"]
    at.served(answered(at, rows(NOW, NOW + 10 * DAY, RULES)), "2")
    at.clock.sleep(10 * DAY)
    at.entrypoint("monitor")
    assert at.entrypoint("reconcile") == {"repaired": "1"}  # it says that the heal helped
    assert run.site.ledger.assessment(run.incident) is not None


def decided(at: PodWorkspace, cause: Cause, remedy: Remedy) -> Run:
    """An incident whose diagnosis stands, as a person's test would have it."""
    run = diagnosed(at.site(RULES), cause, remedy)
    stands = run.site.ledger.stage(run.incident, "diagnose") or {}
    key = next(key for key in at.guarded.list("incidents/") if key.endswith(f"{run.incident.epoch:06d}/stages/diagnose.json"))
    document = {**stands, "decision": {**stands["decision"], "remedy": remedy.value, "sentence": "made up", "autonomy": "act"}}
    document["diagnosis"] = {**stands["diagnosis"], "version": at.registry.alias("champion")}
    at.guarded.swap(key, json.dumps(document).encode(), at.guarded.get(key).tag)
    return run


def remedied(at: PodWorkspace) -> None:
    """The other ends of a heal: data set aside, a recalibration, the way back, and nothing."""
    expected = {
        (Cause.DATA_QUALITY, Remedy.QUARANTINE): "quarantined",
        **({(Cause.LABEL_SHIFT, Remedy.RECALIBRATE): "healed"} if at.whole else {}),
        (Cause.BAD_RELEASE, Remedy.ROLLBACK): "rolled_back",
        (Cause.SEASONAL, Remedy.NONE): "no_action",
    }
    for (cause, remedy), outcome in expected.items():
        run = decided(at, cause, remedy)
        assert heal(run, step=at.step).outcome == outcome, run.site.ledger.stages(run.incident)
        at.clock.sleep(DAY / 24)  # releases are told apart by their times


def stopped(at: PodWorkspace) -> None:
    """The breaker over the fleet, which heals of two models at least open, and a person resets."""
    with at.pod("observe"):
        at.site(RULES).freezes.fleet.open("made-up", (), "made up")
    freezes = Freezes(at.guarded, at.clock)
    freezes.fleet.reset("ana", "made up")


def swept(at: PodWorkspace) -> None:
    """A canary that a crash left, a release by somebody else, a heal that ended without its close,
    one that no alert started.
    """
    site = at.site(RULES)
    theirs = at.registry.version("3" if at.whole else "2")
    at.serving.start_canary(theirs, expected=at.serving.state().generation)
    at.entrypoint("reconcile")
    assert at.serving.state().canary is None
    at.serving.restore(theirs)
    at.registry.move_alias("champion", theirs.version, expected=at.registry.alias("champion"))
    at.entrypoint("reconcile")
    assert site.history.releases(RULES.name)[-1].by == "somebody else"
    incident = alarmed(at)
    at.heals.phases[incident.id] = "Failed"
    at.entrypoint("reconcile")
    assert site.ledger.closing(incident) is not None
    forgotten, _ = site.ledger.open_incident(RULES.name, RULES.hash, incident.window, "drift-verdict", {})
    at.clock.sleep(DAY / 24)
    at.entrypoint("reconcile")
    assert forgotten.id in at.heals.heals


def alarmed(at: PodWorkspace) -> Incident:
    """An incident that triage opens itself, because the monitor died before it could; what is for
    people is only written down.
    """
    at.clock.sleep(DAY)
    now = at.clock.now()
    verdict = Verdict(VerdictState.DRIFTED, 900, 900, window=Window(now - 7 * DAY, now), model=RULES.name, measured_at=now)
    keep(at.guarded, verdict_key(RULES.name, str(at.registry.alias("champion")), now), verdict)
    with at.pod("triage"):
        triage(at, alerted("ModelmedicMonitorBlind"), silent, at.clock)
        assert triage(at, alerted("ModelmedicDrift"), silent, at.clock)["opened"] == "1"
    incident = at.site(RULES).ledger.current(RULES.name)
    assert incident is not None
    return incident


def live(at: PodWorkspace) -> None:
    """Steps that go on without what they were refused, such as a report, are found out as well."""
    (bootstrapped if at.whole else made_up)(at)
    for part in (healed, remedied, stopped, swept):
        part(at)
        assert at.guarded.refused == []


def test_no_step_beside_training_is_refused_anything(tmp_path: Path) -> None:
    at = PodWorkspace(tmp_path, whole=False)
    live(at)
    assert {event["sequence"] for event in at.received.events} == {f"{record.sequence:08d}" for record in at.site(RULES).trail.records()}
    assert {who for who, _ in at.guarded.used} == {"observe", "deploy", "triage", "predictor"}


@pytest.mark.slow
def test_no_step_is_refused_anything_and_none_may_write_what_nobody_writes(tmp_path: Path) -> None:
    at = PodWorkspace(tmp_path, whole=True)
    live(at)
    classes = ("observe", "train", "validate", "deploy", "triage", "predictor")
    put = "s3:PutObject"
    spare = {who: at.guarded.granted(who, put) - at.guarded.used[who, put] for who in classes}
    assert not any(spare.values()), spare


@pytest.mark.parametrize("key", ["audit/churn-1a2b3c4d/00000001.json", "models/ab/MLmodel", "control/freeze/all.json"])
def test_training_is_refused_records_models_and_freezes(tmp_path: Path, key: str) -> None:
    at = PodWorkspace(tmp_path, whole=False)
    with at.pod("train"), pytest.raises(StoreError):
        at.guarded.create(key, b"{}")
    assert at.guarded.refused == [f"train s3:PutObject {key}"]
