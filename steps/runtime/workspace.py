"""The workspace: from an environment to a `Site`, with its store, registry, serving side and
notifiers. The only module that knows all adapters.

| environment variable | default | names |
|---|---|---|
| MODELMEDIC_STORE | `<root>/store` | the object store: a folder, `file:///…` or `s3://…/prefix` |
| MLFLOW_TRACKING_URI | `sqlite:///<root>/mlflow.db` | MLflow |
| MODELMEDIC_ACTOR | `<user>@<host>:<pid>` | the actor in every record |
| MODELMEDIC_SERVING | `local` | the serving side: `local` processes, or `kserve` |
| MODELMEDIC_ANCHOR_KEY | | the file of a key, which signs the trail's end in the registry |
| MODELMEDIC_POLICY | | the file of the policy that a pod is for |
| MODELMEDIC_POLICIES | | the file with the list of all models, for triage and the sweep |
| MODELMEDIC_ALERTMANAGER | | an Alertmanager that messages go to where the policy names none |
| MODELMEDIC_EVENTS_SINK | | a receiver of every audit record as a CloudEvent |
| MODELMEDIC_OTLP | OpenTelemetry's own variables | a collector of traces, one for each heal |
| MODELMEDIC_OPENLINEAGE | | a catalogue that takes OpenLineage's run events |
| TRACEPARENT | | the span that a heal is part of, as Argo Workflows tells its pods |
| MODELMEDIC_PROMETHEUS | | a Prometheus that scrapes predictors; local ones are asked themselves |
| MODELMEDIC_NOTIFY_<NAME> | | the Apprise URL of the receiver NAME of a policy's notify.receivers |
| MODELMEDIC_NOTIFY | | the folder with a file for each receiver, which holds its Apprise URL |
| MODELMEDIC_LINK_REPORTS | the store's folder | the address below which people read the store |
| MODELMEDIC_LINK_MLFLOW | `MLFLOW_TRACKING_URI`, where it is a server | MLflow's UI |
| MODELMEDIC_LINK_ARGO, _GRAFANA, _RUNBOOKS | | Argo's UI, Grafana, the runbooks |

`root` is the folder `.modelmedic` unless MODELMEDIC_HOME names another; it holds the scratch folder
and the local serving side.
"""

import getpass
import json
import os
import socket
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from modelmedic.steps.adapters.clocks import SystemClock
from modelmedic.steps.adapters.store.by_url import open_store
from modelmedic.steps.contracts.audit import MESSAGE_LOST, Phase
from modelmedic.steps.contracts.errors import BadInput, ModelmedicError
from modelmedic.steps.contracts.keys import policy_key
from modelmedic.steps.contracts.notification import Notification, Severity
from modelmedic.steps.contracts.places import Places, places_of
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import (
    Clock,
    EventSink,
    LineageSink,
    Notifier,
    ObjectStore,
    Registry,
    ServiceHealth,
    Serving,
    TraceSink,
)
from modelmedic.steps.contracts.samples import Publisher
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.documents import exists, keep, read
from modelmedic.steps.records.ledger import Ledger
from modelmedic.steps.records.outbox import Outbox
from modelmedic.steps.runtime.run import Run, Site, silent

if TYPE_CHECKING:
    from modelmedic.steps.adapters.kube.client import Kube
    from modelmedic.steps.adapters.kube.workflows import ArgoWorkflows

HOME = ".modelmedic"
_SHORTEST_KEY = 32  # bytes
Say = Callable[[str], None]  # tells a person what goes on, a sentence a time


class OnFirstUse:
    """A proxy that builds the real port on the first use of any of its attributes."""

    def __init__(self, build: Callable[[], object]) -> None:
        self._build = build

    @cached_property
    def _port(self) -> object:
        return self._build()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)


class Workspace:
    """One store with everything beside it; opens a `Site` for each of its models. One that is
    `read_only` writes nothing by itself: not even folders, the store's probe, or MLflow's database.
    """

    def __init__(self, root: Path | None = None, environment: Mapping[str, str] = os.environ, *, read_only: bool = False) -> None:
        self.read_only = read_only
        self.root = (root or Path(environment.get("MODELMEDIC_HOME", HOME))).absolute()
        self.environment = environment

    @property
    def store_url(self) -> str:
        return self.environment.get("MODELMEDIC_STORE") or str(self.root / "store")

    @property
    def tracking_uri(self) -> str:
        return self.environment.get("MLFLOW_TRACKING_URI") or f"sqlite:///{self.root / 'mlflow.db'}"

    @property
    def actor(self) -> str:
        return self.environment.get("MODELMEDIC_ACTOR") or f"{getpass.getuser()}@{socket.gethostname()}:{os.getpid()}"

    @cached_property
    def store(self) -> ObjectStore:
        """Probed once: a store that ignores conditional writes is refused here."""
        if not self.read_only:
            self.root.mkdir(parents=True, exist_ok=True)
        return open_store(self.store_url, read_only=self.read_only)

    @cached_property
    def anchor_key(self) -> bytes | None:
        """The key that signs the trail's end in the registry. Raises BadInput for a file that
        cannot be read or is too short.
        """
        named = self.environment.get("MODELMEDIC_ANCHOR_KEY")
        if not named:
            return None
        try:
            key = Path(named).read_bytes().strip()
        except OSError as error:
            raise BadInput(f"MODELMEDIC_ANCHOR_KEY names {named}, which cannot be read ({error.strerror or error})") from error
        if len(key) < _SHORTEST_KEY:
            raise BadInput(f"MODELMEDIC_ANCHOR_KEY names {named}, which has {len(key)} bytes; expected {_SHORTEST_KEY} random ones or more")
        return key

    def policy(self) -> Policy:
        """The policy that this pod is for. Raises BadInput when the environment names none."""
        from modelmedic.steps.adapters.policy.file import load_policy

        return load_policy(self._file("MODELMEDIC_POLICY", "the file of a policy"))

    def fleet(self) -> Mapping[str, Mapping[str, str]]:
        """All models of the cluster by name: the hash of the policy, the template that heals the
        model, and where it serves. Raises BadInput.
        """
        file = self._file("MODELMEDIC_POLICIES", "the list of all models")
        try:
            listed: Mapping[str, Mapping[str, str]] = json.loads(file.read_text())
        except (OSError, ValueError) as error:
            raise BadInput(f"list of models {file} cannot be read: {error}; expected what `modelmedic render` writes") from error
        return listed

    def policies(self, say: Say) -> Iterator[tuple[str, Policy, Mapping[str, str]]]:
        """Name, policy and facts of every model of the fleet; a model whose policy is not in the
        store yet gets a sentence instead.
        """
        for name, facts in self.fleet().items():
            policy = read(self.store, Policy, policy_key(str(facts["policy"])))
            if policy is None:
                say(f"{name}: its policy is not in the store yet; its monitor or its bootstrap puts it there")
            else:
                yield name, policy, facts

    def _file(self, name: str, what: str) -> Path:
        named = self.environment.get(name)
        if not named:
            raise BadInput(f"{name} is not set; expected {what}, as the rendered manifests mount it")
        return Path(named)

    @cached_property
    def kube(self) -> "Kube":
        """The Kubernetes API, by the pod's own account or by KUBECONFIG."""
        from modelmedic.steps.adapters.kube.client import connect

        return connect()

    @property
    def workflows(self) -> "ArgoWorkflows":
        """Argo's Workflows in our namespace."""
        from modelmedic.steps.adapters.kube.workflows import ArgoWorkflows

        return ArgoWorkflows(self.kube, self.environment.get("MODELMEDIC_NAMESPACE") or "modelmedic")

    def site(
        self,
        policy: Policy,
        *,
        clock: Clock | None = None,
        say: Say = silent,
        terminal: bool = True,
        records: bool = True,
    ) -> Site:
        """Every port that the steps of this model use. The policy is kept in the store under its
        hash.

        Messages to people are kept in the store, and go to the policy's Alertmanager or else the
        environment's and, with `terminal`, to the terminal. Without `records` the policy is not
        kept: training may not write records.
        """
        from modelmedic.steps.data.references import StoredReferences
        from modelmedic.steps.data.windows import LoggedWindows

        clock = clock or SystemClock()
        if records and not self.read_only and not exists(self.store, policy_key(policy.hash)):
            keep(self.store, policy_key(policy.hash), policy)
        work = self.root / "work" / policy.name
        if not self.read_only:
            work.mkdir(parents=True, exist_ok=True)
        return Site(
            policy=policy,
            store=self.store,
            registry=self.versions(policy, work),
            serving=self.serving_of(policy),
            windows=LoggedWindows(self.store, policy, clock),
            references=StoredReferences(self.store, policy.name),
            notifier=self._notifier(policy, clock, terminal, say),
            clock=clock,
            real=SystemClock(),
            actor=self.actor,
            work=work,
            say=say,
            gone=_gone,
            metrics=self.metrics(work),
            anchor_key=self.anchor_key,
            places=self.places,
            givers=self._givers if policy.approval.kubernetes and self.environment.get("MODELMEDIC_SERVING") == "kserve" else None,
            health=self.health_of(policy, clock),
            outbox=self.outbox(policy.name, say),
            traces=None if self.read_only else self.trace_sink,
            lineage=None if self.read_only else self.lineage_sink,
            traceparent=self.environment.get("TRACEPARENT", ""),
        )

    @property
    def places(self) -> Places:
        """What messages link to. A store in a folder and MLflow's server are places by
        themselves.
        """
        from modelmedic.steps.adapters.store.by_url import folder_of

        folder = folder_of(self.store_url)
        served = self.tracking_uri.startswith(("http://", "https://")) and "@" not in self.tracking_uri  # no credentials in a link
        mlflow = self.tracking_uri if served else ""
        return places_of(self.environment, reports=folder.absolute().as_uri() if folder else "", mlflow=mlflow)

    def metrics(self, work: Path) -> Publisher:
        """The Pushgateway that the environment names, else files below the scratch folder
        `work`.
        """
        from modelmedic.steps.adapters.prometheus import publisher

        return publisher(work / "metrics", self.environment)

    @property
    def has_registry(self) -> bool:
        """False while MLflow's database is a file of this workspace that is not made yet."""
        from modelmedic.steps.adapters.mlflow.client import database

        file = database(self.tracking_uri)
        return file is None or file.exists()

    def versions(self, policy: Policy, work: Path) -> Registry:
        """The versions of the model in MLflow; an empty registry where a workspace that writes
        nothing would have to make MLflow's database.
        """
        from modelmedic.steps.adapters.mlflow.registry import MlflowRegistry

        if self.read_only and not self.has_registry:
            from modelmedic.steps.adapters.memory.registry import RehearsedRegistry

            return RehearsedRegistry(work / "registry", policy.registry.name)
        return MlflowRegistry(self.tracking_uri, policy.registry, work)

    def serving_of(self, policy: Policy) -> Serving:
        """The serving side that the environment names, for the model of the policy."""
        kind = self.environment.get("MODELMEDIC_SERVING") or "local"
        if kind == "kserve":
            return cast("Serving", OnFirstUse(lambda: self._kserve(policy)))  # only steps that deploy may reach the API
        if kind == "local":
            from modelmedic.steps.adapters.local_serving.serving import LocalServing

            return LocalServing(self.root / "serving" / policy.name, policy, self.store_url, self.store)
        raise BadInput(f"MODELMEDIC_SERVING is {kind!r}; expected local or kserve")

    def health_of(self, policy: Policy, clock: Clock) -> ServiceHealth | None:
        """What knows how the service of the model is: the Prometheus that the environment names,
        else the local predictors themselves; None in a cluster without one.
        """
        from modelmedic.steps.adapters.prometheus_queries import PROMETHEUS, PrometheusHealth

        if url := self.environment.get(PROMETHEUS):
            return PrometheusHealth(url, policy.name)
        if self.environment.get("MODELMEDIC_SERVING", "local") not in ("", "local"):
            return None
        from modelmedic.steps.adapters.local_serving.health import LocalHealth
        from modelmedic.steps.adapters.local_serving.serving import LocalServing

        root = self.root / "serving" / policy.name
        return LocalHealth(LocalServing(root, policy, self.store_url, self.store).counted, root / "health.json", clock)

    def outbox(self, model: str, say: Say) -> Outbox | None:
        """The outbox of the model's records; None where the environment names no receiver, or
        nothing may be written.
        """
        if self.read_only or self.event_sink is None:
            return None
        return Outbox(self.store, model, self.event_sink, SystemClock(), say)

    @cached_property
    def trace_sink(self) -> TraceSink | None:
        """The collector of traces that the environment names."""
        from modelmedic.steps.adapters.events.otlp import trace_sink

        return trace_sink(self.environment)

    @cached_property
    def lineage_sink(self) -> LineageSink | None:
        """The catalogue of lineage that the environment names."""
        from modelmedic.steps.adapters.events.openlineage import lineage_sink

        return lineage_sink(self.environment)

    @cached_property
    def event_sink(self) -> EventSink | None:
        """The receiver that the environment names: one for all models, so that while it is away it
        is waited for once.
        """
        from modelmedic.steps.adapters.events.cloud_events import event_sink

        return event_sink(SystemClock(), self.environment)

    def _givers(self, incident: str, document: bytes) -> Collection[str]:
        """Who gave an answer, by the API server; only steps that deploy may reach it."""
        from modelmedic.steps.adapters.kube.answers import ClusterAnswers

        return ClusterAnswers(self.kube, self.environment.get("MODELMEDIC_NAMESPACE") or "modelmedic").givers(incident, document)

    def _kserve(self, policy: Policy) -> Serving:
        from modelmedic.steps.adapters.kserve.serving import KServeServing

        return KServeServing(self.kube, policy, self.store_url, self.store)

    def _notifier(self, policy: Policy, clock: Clock, terminal: bool, say: Say) -> Notifier:
        from modelmedic.steps.adapters.notify.broadcast import Broadcast
        from modelmedic.steps.adapters.notify.store import StoreNotifier
        from modelmedic.steps.adapters.notify.terminal import TerminalNotifier

        people: list[Notifier] = [StoreNotifier(self.store)]
        if terminal:
            people.append(TerminalNotifier())
        people += self.receivers(policy).values()
        trail = AuditTrail(self.store, policy.name, clock, self.actor, self.outbox(policy.name, say))

        def failed(notification: Notification, where: str, error: ModelmedicError) -> None:
            facts = {"event": notification.event, "where": where, "error": str(error)}
            trail.append(MESSAGE_LOST, Phase.NOTE, incident=notification.incident, facts=facts)

        return Broadcast(people, failed)

    def receivers(self, policy: Policy) -> dict[str, Notifier]:
        """Everybody outside of this program who is told of the model, by what they are called."""
        found: dict[str, Notifier] = {}
        alertmanager = policy.notify.alertmanager or self.environment.get("MODELMEDIC_ALERTMANAGER")
        if alertmanager:
            from modelmedic.steps.adapters.notify.alertmanager import Alertmanager

            labels = {"owner": policy.metadata.owner, "namespace": self.environment.get("MODELMEDIC_NAMESPACE", "")}
            found[Alertmanager.name] = Alertmanager(alertmanager, SystemClock(), labels)  # an end in played time would have passed
        for each in policy.notify.receivers:
            from modelmedic.steps.adapters.notify.receiver import Receiver

            receiver = Receiver(each.name, self.environment, SystemClock(), Severity(each.severity))
            found[receiver.name] = receiver
        return found

    def run(self, identity: str, *, say: Say = silent) -> Run:
        """The run of one incident, by the very policy that it was opened under. Raises NotFound,
        BadInput or Refused.
        """
        from modelmedic.steps.records.policies import policy_of

        incident = Ledger(self.store, SystemClock()).find(identity)
        return Run(self.site(policy_of(self.store, incident), say=say, records=False), incident)


def _gone(holder: str) -> bool:
    """True when a lease's holder was a process of this machine that is dead; never for a holder on
    another machine.
    """
    address, _, number = holder.rpartition(":")
    if not number.isdigit() or address.rpartition("@")[2] != socket.gethostname():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
