"""From an environment to a `Site`: which store, which MLflow, what serves, who is told. The only place that knows all adapters.

| environment variable | default | names |
|---|---|---|
| MODELMEDIC_STORE | `<root>/store` | the object store: a folder, `file:///…` or `s3://bucket/prefix` |
| MLFLOW_TRACKING_URI | `sqlite:///<root>/mlflow.db` | MLflow |
| MODELMEDIC_ACTOR | `<user>@<host>:<pid>` | who acts, in every record |

`root` is the folder `.modelmedic` unless MODELMEDIC_HOME says otherwise; it holds the scratch folder and what serves locally.
"""

import getpass
import os
import socket
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from steps.adapters.stores import open_store
from steps.audit import AuditTrail
from steps.clocks import SystemClock
from steps.contracts.audit import Phase
from steps.contracts.errors import ModelmedicError
from steps.contracts.keys import policy_key
from steps.contracts.notification import Notification
from steps.contracts.policy import Policy
from steps.contracts.ports import Clock, Notifier, ObjectStore
from steps.documents import keep
from steps.ledger import Ledger
from steps.run import Run, Site, silent

HOME = ".modelmedic"


class Workspace:
    """One store with everything beside it; opens a `Site` for each of its models."""

    def __init__(self, root: Path | None = None, environment: Mapping[str, str] = os.environ) -> None:
        self.root = (root or Path(environment.get("MODELMEDIC_HOME", HOME))).absolute()
        self._environment = environment

    @property
    def store_url(self) -> str:
        return self._environment.get("MODELMEDIC_STORE") or str(self.root / "store")

    @property
    def tracking_uri(self) -> str:
        return self._environment.get("MLFLOW_TRACKING_URI") or f"sqlite:///{self.root / 'mlflow.db'}"

    @property
    def actor(self) -> str:
        return self._environment.get("MODELMEDIC_ACTOR") or f"{getpass.getuser()}@{socket.gethostname()}:{os.getpid()}"

    @cached_property
    def store(self) -> ObjectStore:
        """Probed once: a store that ignores conditional writes is refused here."""
        self.root.mkdir(parents=True, exist_ok=True)
        return open_store(self.store_url)

    def site(self, policy: Policy, *, clock: Clock | None = None, say: Callable[[str], None] = silent, terminal: bool = True) -> Site:
        """Everything that the steps of this model use. The policy is kept in the store under its hash.

        Messages to people are kept in the store, go to the policy's Alertmanager, and to the terminal unless that is unwanted.
        """
        from steps.adapters.mlflow_registry import MlflowRegistry
        from steps.local.serving import LocalServing
        from steps.references import StoredReferences
        from steps.windows import LoggedWindows

        clock = clock or SystemClock()
        keep(self.store, policy_key(policy.hash), policy)
        work = self.root / "work" / policy.name
        work.mkdir(parents=True, exist_ok=True)
        return Site(
            policy=policy,
            store=self.store,
            registry=MlflowRegistry(self.tracking_uri, policy.registry, work),
            serving=LocalServing(self.root / "serving" / policy.name, policy, self.store_url, self.store),
            windows=LoggedWindows(self.store, policy, clock),
            references=StoredReferences(self.store, policy.name),
            notifier=self._notifier(policy, clock, terminal),
            clock=clock,
            real=SystemClock(),
            actor=self.actor,
            work=work,
            say=say,
            gone=_gone,
        )

    def _notifier(self, policy: Policy, clock: Clock, terminal: bool) -> Notifier:
        from steps.adapters.notify_file import StoreNotifier
        from steps.adapters.notify_several import Several
        from steps.adapters.notify_terminal import TerminalNotifier

        people: list[Notifier] = [StoreNotifier(self.store)]
        if terminal:
            people.append(TerminalNotifier())
        if policy.notify.alertmanager is not None:
            from steps.adapters.alertmanager import Alertmanager

            people.append(Alertmanager(str(policy.notify.alertmanager), SystemClock()))  # an end in played time would have passed
        trail = AuditTrail(self.store, policy.name, clock, self.actor)

        def failed(notification: Notification, where: str, error: ModelmedicError) -> None:
            facts = {"event": notification.event, "where": where, "error": str(error)}
            trail.append("notification.failed", Phase.NOTE, incident=notification.incident, facts=facts)

        return Several(people, failed)

    def run(self, identity: str, *, say: Callable[[str], None] = silent) -> Run:
        """The run of one incident, by the very policy that it was opened under. Raises NotFound, BadInput or Refused."""
        from steps.pending import policy_of

        incident = Ledger(self.store, SystemClock()).find(identity)
        return Run(self.site(policy_of(self.store, incident), say=say), incident)


def _gone(holder: str) -> bool:
    """Whether a lease's holder was a process of this machine that does not live any more; never claimed of anybody else."""
    place, _, number = holder.rpartition(":")
    if not number.isdigit() or place.rpartition("@")[2] != socket.gethostname():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
