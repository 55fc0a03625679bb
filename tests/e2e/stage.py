"""The quickstart on a cluster with one champion that serves, and what a case does to it and asks of
it.
"""

import json
import os
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelmedic.examples.cluster import runs
from modelmedic.examples.cluster.kubectl import Cluster, fetch, wait_until
from modelmedic.examples.cluster.world import TODAY, Passengers, World, host, logged, put_labels
from modelmedic.steps.adapters.clocks import SystemClock
from modelmedic.steps.adapters.mlflow.registry import MlflowRegistry
from modelmedic.steps.contracts.audit import Record
from modelmedic.steps.contracts.incident import Closing, Incident
from modelmedic.steps.contracts.keys import model_hash, policy_key, release_key
from modelmedic.steps.contracts.metrics import MONITOR_JOB
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.documents import keep
from modelmedic.steps.records.ledger import Ledger
from modelmedic.steps.records.verify import verify

HEAL = 300  # seconds that a heal may take
_FORGOTTEN = ("incidents/", "audit/", "leases/", "verdicts/", "quarantine/", "acknowledged/", "notifications/", "control/", "reports/")
_LIVE = timedelta(days=2)  # of flights that are kept for whoever asks while a heal goes on


@dataclass
class Stage:
    """`store` and `registry` reach the quickstart's from outside; `alerts` is where the EventSource
    listens.
    """

    cluster: Cluster
    policy: Policy
    store: ObjectStore
    registry: MlflowRegistry
    alerts: str
    world: World

    @property
    def model(self) -> str:
        return self.policy.name

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.store, SystemClock())

    def passengers(self) -> Passengers:
        return Passengers(self.policy, self.cluster.gateway)

    def forget(self) -> None:
        """No incident, no record, no row: as after the bootstrap. The champion and its reference
        stay.
        """
        self._no_alarm()
        wait_until(self._no_workflows, 120, "the end of all workflows", 2)
        self._only_the_champion()
        for prefix in (*_FORGOTTEN, f"{self.policy.log_prefix}/", f"{self.policy.labels_prefix}/"):
            for key in list(self.store.list(prefix)):
                _delete(key)
        trail = AuditTrail(self.store, self.model, SystemClock(), "e2e")
        for key in list(self.store.list(release_key(self.model))):  # what serves stays, so its record does
            trail.once("release.recorded", key, documents=[key])

    def begin_again(self) -> None:
        """The first champion serves again, as before the heal of another case; its version and its
        rows are still there.
        """
        alias = self.policy.registry.champion
        self.registry.move_alias(alias, "1", expected=self.alias())
        self.cluster.run("delete", "inferenceservices", "--all", "--wait=true", "--timeout=90s", check=False)
        for key in list(self.store.list("releases/")):
            _delete(key)
        runs.succeed(self.cluster, runs.start(self.cluster, f"bootstrap-{self.model}"), HEAL)

    def raze(self) -> None:
        """Nothing serves and the store is empty: MLflow has lost its versions, and they would be
        counted anew.
        """
        self.cluster.run("delete", "workflows,inferenceservices", "--all", "--wait=true", "--timeout=90s", check=False)
        for key in list(self.store.list("")):
            _delete(key)

    def flights(self, days: int = 60, change: Callable[[pa.Table], pa.Table] = lambda rows: rows) -> None:
        """The last weeks asked about through the gateway, with their labels; but for the two days
        that are kept for `asking`.
        """
        self.asked_about(change(self.world.between(TODAY - timedelta(days=days), TODAY - _LIVE)))

    def asked_about(self, rows: pa.Table) -> None:
        """Every row asked about through the gateway and logged, and its label brought."""
        wanted = logged(self.store, self.policy) + rows.num_rows
        with closing(self.passengers()) as passengers:
            labels = passengers.ask(rows, prefix=f"t{time.time():.0f}")
        assert passengers.failures == []
        put_labels(self.store, self.policy, labels)
        wait_until(lambda: True if logged(self.store, self.policy) >= wanted else None, 60, f"{wanted} logged rows")

    @contextmanager
    def asking(self) -> Iterator[Passengers]:
        """Somebody asks all the time, as long as the block lasts."""
        passengers, stop = self.passengers(), threading.Event()
        rows = self.world.between(TODAY - _LIVE, TODAY)
        asker = threading.Thread(target=passengers.keep_asking, args=(rows, stop.is_set), daemon=True)
        asker.start()
        try:
            yield passengers
        finally:
            stop.set()
            asker.join(30)
            passengers.close()

    def look(self) -> str:
        """Run the monitor; what it found."""
        workflow = runs.monitor(self.cluster, self.model)
        runs.succeed(self.cluster, workflow, 120)
        return next(node.outputs["state"] for node in runs.nodes(self.cluster, workflow))

    def opened(self, rules: Policy | None = None) -> Incident:
        """An incident over the current window, under these rules; a heal reads them by their
        hash.
        """
        rules = rules or self.policy
        keep(self.store, policy_key(rules.hash), rules)
        now = datetime.now(UTC)
        incident, new = self.ledger.open_incident(self.model, rules.hash, Window(now - rules.detect.window, now), "e2e", {})
        assert new
        return incident

    def start(self, incident: Incident) -> str:
        return runs.heal(self.cluster, self.model, incident.id)

    def ended(self, workflow: str) -> bool | None:
        """True for a workflow that has ended, however it did."""
        return True if runs.phase(self.cluster, workflow) in runs.ENDED else None

    def swept(self) -> None:
        """The sweep, now; what a crash left half done is taken back by it."""
        runs.succeed(self.cluster, runs.at_once(self.cluster, "reconcile"), 240)

    def healed(self, incident: Incident, seconds: float = HEAL) -> Closing:
        """Start the heal of the incident; how it was closed."""
        runs.succeed(self.cluster, self.start(incident), seconds)
        return self.closing(incident)

    def closing(self, incident: Incident) -> Closing:
        closing = self.ledger.closing(incident)
        assert closing is not None, f"incident {incident.id} is not closed"
        return closing

    def post(self, *alerts: Mapping[str, Any], token: str | None = None) -> int:
        """Alertmanager's webhook, version 4; the status that the EventSource answers."""
        body = {"version": "4", "status": "firing", "receiver": "modelmedic", "groupLabels": {}, "commonLabels": {}, "alerts": list(alerts)}
        secret = token if token is not None else self.cluster.secret("modelmedic-webhook", "token")
        headers = {"content-type": "application/json", "authorization": f"Bearer {secret}"}
        return fetch(self.alerts, headers, json.dumps(body).encode())[0]

    def alias(self) -> str | None:
        return self.registry.alias(self.policy.registry.champion)

    def canary(self) -> Mapping[str, Any] | None:
        """The entry of the InferenceService's first canary; None while there is none."""
        service = self.cluster.get("inferenceservice", self.policy.serving.inferenceService) or {"spec": {}}
        entries = service["spec"].get("canary") or []
        return entries[0] if entries else None

    def share(self) -> int | None:
        """The canary's share, in percent; None while it has none."""
        canary = self.canary()
        return int(canary.get("trafficPercent") or 0) or None if canary else None

    def no_canary(self) -> bool | None:
        return True if self.canary() is None else None

    def canary_pod(self) -> str | None:
        """The running pod of the canary; None while there is none."""
        entry = self.canary()
        name = entry["predictor"]["name"] if entry else ""
        pods = self.cluster.listed("pods", f"serving.kserve.io/inferenceservice={self.policy.serving.inferenceService}") if name else []
        running = [pod for pod in pods if f"-{name}-predictor-" in pod["metadata"]["name"] and pod["status"]["phase"] == "Running"]
        return str(running[0]["metadata"]["name"]) if running else None

    def step_pod(self, workflow: str, step: str) -> str | None:
        """The running pod of a step; fails at once when the workflow has ended."""
        assert runs.phase(self.cluster, workflow) not in runs.ENDED, runs.logs(self.cluster, workflow)[-800:]
        pods = self.cluster.listed("pods", f"workflows.argoproj.io/workflow={workflow}")
        named = [pod for pod in pods if f"-{step}-" in pod["metadata"]["name"] and pod["status"]["phase"] == "Running"]
        return str(named[0]["metadata"]["name"]) if named else None

    def challenger(self, workflow: str) -> str | None:
        """The version that validation let through; fails at once when it let none through."""
        for node in runs.nodes(self.cluster, workflow):
            if node.name.startswith("validate") and node.phase == "Succeeded":
                assert node.outputs["passed"] == "yes", node.outputs
                return node.outputs["version"]
        assert runs.phase(self.cluster, workflow) not in runs.ENDED, runs.logs(self.cluster, workflow)[-800:]
        return None

    def patch(self, kind: str, name: str, change: Mapping[str, Any]) -> None:
        self.cluster.run("patch", kind, name, "--type=merge", "-p", json.dumps(change))

    def agrees(self) -> None:
        """Expect that the served version, the champion's alias and the last record agree, and no
        canary is left. A heal that ended before its diagnosis knows of no champion.
        """
        assert self.canary() is None
        assert self.alias() == self.served()
        closings = [closing for each in self.ledger.incidents(self.model) if (closing := self.ledger.closing(each))]
        assert [each.champion_after for each in closings if each.champion_after][-1:] in ([], [self.alias()])

    def served(self) -> str:
        """The version that answers at the gateway."""
        status, body = fetch(f"{self.cluster.gateway}/v2/models/{self.policy.serving.inferenceService}", {"host": host(self.policy)})
        assert status == 200, f"the gateway answers {status}: {body[:200]!r}"
        return str(json.loads(body)["versions"][0])

    def records(self) -> list[Record]:
        """The audit trail of the model, whole and verified."""
        trail = AuditTrail(self.store, self.model, SystemClock(), "e2e")
        found = verify(self.store, SystemClock(), model_hash(self.model), self.model)
        assert not found.broken, found
        return list(trail.records())

    def pods(self, step_class: str) -> list[str]:
        """Names of the heals' pods of a step class that there are, ended ones among them."""
        names = [pod["metadata"]["name"] for pod in self.cluster.listed("pods", f"modelmedic.io/step-class={step_class}")]
        return [name for name in names if name.startswith("heal-")]

    def _no_workflows(self) -> bool | None:
        """A heal waits for the collection of its artifacts before it goes; a test has no time for
        that. An alert may still come in.
        """
        self.cluster.run("delete", "workflows", "--all", "--wait=false", check=False)
        left = self.cluster.listed("workflows")
        for each in left:
            if each["metadata"].get("finalizers"):
                change = ("--type=merge", "-p", '{"metadata":{"finalizers":null}}')
                self.cluster.run("patch", "workflow", each["metadata"]["name"], *change, check=False)
        pods = [pod for pod in self.cluster.listed("pods", "workflows.argoproj.io/workflow") if pod["status"]["phase"] == "Running"]
        return True if not left and not pods else None

    def _no_alarm(self) -> None:
        """Clear the metrics that the case before pushed, which would go on firing."""
        with self.cluster.forwarded("svc/pushgateway", 9091) as port:
            address = f"http://127.0.0.1:{port}/metrics/job/{MONITOR_JOB}/model/{self.model}"
            with urllib.request.urlopen(urllib.request.Request(address, method="DELETE"), timeout=10) as answer:
                assert answer.status == 202

    def _only_the_champion(self) -> None:
        """A canary that a heal left when its workflow was deleted under it."""
        name = self.policy.serving.inferenceService
        if self.canary() is not None:
            self.cluster.run("patch", "inferenceservice", name, "--type=merge", "-p", '{"spec":{"canary":null}}')


def variant(policy: Policy, **sections: Any) -> Policy:
    """The policy with other values in some sections; an incident that is opened under it is healed
    by it.
    """
    document = policy.model_dump(mode="json", by_alias=True)
    for section, values in sections.items():
        document[section] = {**document[section], **values}
    return Policy.model_validate(document)


def alert(name: str, model: str, number: int = 0, **labels: str) -> dict[str, Any]:
    """One firing alert, as Alertmanager writes it."""
    return {
        "status": "firing",
        "labels": {"alertname": name, "model": model, "modelmedic": "heal", **labels},
        "annotations": {},
        "startsAt": datetime.now(UTC).isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": f"{number:016x}",
    }


def evidence(name: str, facts: Mapping[str, Any]) -> None:
    """The facts that a case has shown, kept beside the suite's output when E2E_EVIDENCE names a
    file.
    """
    target = os.environ.get("E2E_EVIDENCE")
    if target:
        with Path(target).open("a") as file:
            file.write(json.dumps({"case": name, **facts}, default=str) + "\n")


def overwrite(key: str, data: bytes) -> None:
    """With the server's own key, past every condition of ours."""
    import boto3

    boto3.client("s3").put_object(Bucket="modelmedic", Key=key, Body=data)


def _delete(key: str) -> None:
    """The loop itself can delete nothing; a test clears the stage with the server's own key."""
    import boto3

    boto3.client("s3").delete_object(Bucket="modelmedic", Key=key)
