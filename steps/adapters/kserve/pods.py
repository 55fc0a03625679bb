"""The Deployments and pods of an InferenceService, asked directly, past the shares. Called by
`KServeServing`.

Conditions of an InferenceService lie; a Deployment's available replicas, a pod's last words and a
predictor's own answer do not.
"""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from modelmedic.steps.adapters.kserve.document import ServicePredictor
from modelmedic.steps.adapters.kube.client import Document, Kube
from modelmedic.steps.adapters.models.folder import example_file, own_rows, read_folder
from modelmedic.steps.adapters.predictor.client import PredictorClient, made_up_rows, metrics_page
from modelmedic.steps.adapters.predictor.counters import read_traffic
from modelmedic.steps.contracts.errors import BadInput, NotFound, Refused, StoreError, Transient
from modelmedic.steps.contracts.kserve import DIGEST
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.contracts.serving import Prediction, Traffic

_CONTAINER: Final = "kserve-container"
_PORT: Final = 8080
_HOPELESS: Final = (65, 77, 78)  # exit codes of a predictor that says why it never will serve
_RESTARTS: Final = 2  # after so many, waiting longer shows nothing new


@dataclass(frozen=True, slots=True)
class PredictorPods:
    """The predictors of one InferenceService in Standard mode."""

    kube: Kube
    namespace: str
    service: str

    def deployment_name(self, slot: ServicePredictor) -> str:
        return f"{self.service}-{slot.name}-predictor" if slot.name else f"{self.service}-predictor"

    def url(self, slot: ServicePredictor) -> str:
        return f"http://{self.deployment_name(slot)}.{self.namespace}.svc.cluster.local"

    def runs(self, slot: ServicePredictor) -> bool:
        """True when the Deployment has taken in this very model and has a replica that is
        available.
        """
        found = self._deployment(slot)
        if found is None or _digest(found["spec"]["template"]["spec"]) != slot.digest:
            return False
        status = found.get("status") or {}
        taken_in = int(status.get("observedGeneration") or 0) >= int(found["metadata"]["generation"])
        return taken_in and int(status.get("availableReplicas") or 0) > 0

    def addresses(self, slot: ServicePredictor) -> tuple[str, ...]:
        """The addresses of the pods that are ready and serve this model. Raises Transient when the
        API is away.
        """
        return tuple(f"http://{pod['status']['podIP']}:{_port(pod)}" for pod in self._pods(slot) if _ready(pod))

    def failure(self, slot: ServicePredictor) -> str:
        """The reason why no pod is ready yet, in the words of a pod.

        Raises Refused when a predictor has said that it never will serve, Transient when it keeps
        ending without a word.
        """
        seen = []
        for pod in self._pods(slot):
            looks = [_unscheduled(pod), *(_look(status, self.deployment_name(slot)) for status in _statuses(pod))]
            seen += [each for each in looks if each]
        return seen[0] if seen else "none of its pods is ready yet"

    def ask(self, slot: ServicePredictor, rows: pa.Table, *, replay: bool) -> Prediction:
        """The answer of the first pod that gives one. Raises as `Serving.infer`."""
        failed: Transient | None = None
        for address in self.addresses(slot):
            try:
                with PredictorClient(address, self.service) as client:
                    return client.ask(rows, replay=replay)
            except Transient as error:
                failed = error
        raise failed or Transient(f"no pod of version {slot.version} is ready; see `kubectl -n {self.namespace} get pods`")

    def traffic(self, slot: ServicePredictor) -> Traffic:
        """The sum over the pods that are ready, with the slowest pod's p95. Raises Transient when a
        pod does not tell.
        """
        seen = [read_traffic(metrics_page(address)) for address in self.addresses(slot)]
        if not seen:
            raise Transient(f"no pod of version {slot.version} is ready in {self.namespace}: its counters cannot be read")
        times = [each.latency_p95_ms for each in seen if each.latency_p95_ms is not None]
        return Traffic(sum(each.requests for each in seen), sum(each.failures for each in seen), max(times) if times else None)

    def prove(self, slot: ServicePredictor, rows: pa.Table | None) -> bool:
        """True when a pod answers a real prediction as this version with this digest; False while
        none is ready.

        Without `rows` a row is made up from the predictor's own metadata; a model may refuse that
        row, and the predictor has answered rows of its own before its port opened. Raises Refused
        for an answer of another model.
        """
        for address in self.addresses(slot):
            with PredictorClient(address, self.service) as client:
                try:
                    answer = client.ask(rows if rows is not None else made_up_rows(address, self.service), "ready", replay=True)
                except BadInput as error:
                    if rows is None:
                        return True
                    raise Refused(f"version {slot.version} refuses its model's own rows: {error}") from error
            if (answer.version, answer.digest) != (slot.version, slot.digest):
                said = f"version {answer.version} with the digest {answer.digest[:12]}"
                raise Refused(f"{address} says that it is {said}; expected version {slot.version} with {slot.digest[:12]}")
            return True
        return False

    def _deployment(self, slot: ServicePredictor) -> Document | None:
        try:
            return self.kube.get(f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{self.deployment_name(slot)}")
        except NotFound:
            return None

    def _pods(self, slot: ServicePredictor) -> Iterator[Document]:
        """The pods of this very model, because during a change a Deployment has pods of two."""
        found = self._deployment(slot)
        if found is None:
            return
        labels = found["spec"]["selector"]["matchLabels"]
        selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
        for pod in self.kube.listed(f"/api/v1/namespaces/{self.namespace}/pods", selector):
            if _digest(pod["spec"]) == slot.digest:
                yield pod


def own_rows_in(store: ObjectStore, prefix: str) -> pa.Table | None:
    """Rows that the model below `prefix` has to be able to answer, by its own files; None when the
    store is away.
    """
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        try:
            (folder / "MLmodel").write_bytes(store.get(f"{prefix}/MLmodel").data)
            name = example_file(read_folder(folder))
            if name:
                (folder / name).write_bytes(store.get(f"{prefix}/{name}").data)
        except StoreError:
            return None
        return own_rows(folder)


def _digest(pod_spec: Mapping[str, Any]) -> str:
    container = _container(pod_spec)
    return next((str(entry.get("value", "")) for entry in container.get("env") or [] if entry["name"] == DIGEST), "")


def _container(pod_spec: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((each for each in pod_spec["containers"] if each["name"] == _CONTAINER), {})


def _port(pod: Document) -> int:
    ports = _container(pod["spec"]).get("ports") or [{}]
    return int(ports[0].get("containerPort", _PORT))


def _ready(pod: Document) -> bool:
    status = pod.get("status") or {}
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions") or [])
    return ready and bool(status.get("podIP")) and "deletionTimestamp" not in pod["metadata"]


def _unscheduled(pod: Document) -> str | None:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return next((f"no node takes it: {each.get('message', '')}" for each in conditions if _is_unscheduled(each)), None)


def _is_unscheduled(condition: Mapping[str, Any]) -> bool:
    return bool(condition["type"] == "PodScheduled" and condition["status"] == "False")


def _statuses(pod: Document) -> list[Document]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def _look(status: Document, name: str) -> str | None:
    """The trouble that one container reports, or None."""
    ended = (status.get("state") or {}).get("terminated") or (status.get("lastState") or {}).get("terminated")
    if ended and int(ended.get("exitCode") or 0) in _HOPELESS:
        raise Refused(f"{name} cannot serve: {_words(ended)}")
    if ended and status["name"] == _CONTAINER and int(status.get("restartCount") or 0) >= _RESTARTS:
        raise Transient(f"{name} ended {status['restartCount'] + 1} times before it answered: {_words(ended)}")
    if ended and int(ended.get("exitCode") or 0):
        return f"{status['name']} ended: {_words(ended)}"
    waiting = (status.get("state") or {}).get("waiting")
    return f"{status['name']} waits: {waiting.get('reason', '')} {waiting.get('message', '')}".strip() if waiting else None


def _words(ended: Mapping[str, Any]) -> str:
    said = " ".join(str(ended.get("message") or "").split())
    return f"{said[-300:] or ended.get('reason', 'no reason given')} (exit code {ended.get('exitCode')})"
