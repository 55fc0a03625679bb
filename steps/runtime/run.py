"""What a step may touch: `Site` is one model's place in the world, `Run` is one incident of it
being healed.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelmedic.steps.contracts.audit import Phase, Record
from modelmedic.steps.contracts.errors import ModelmedicError, Refused
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.notification import Notification, Severity
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import Clock, Notifier, ObjectStore, References, Registry, Serving, Windows
from modelmedic.steps.contracts.samples import Publisher
from modelmedic.steps.effects.journal import Journal
from modelmedic.steps.effects.lease import TTL, Lease, acquire
from modelmedic.steps.effects.perform import Effect, perform
from modelmedic.steps.effects.spool import Spool, flush_notes
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.freezes import Control
from modelmedic.steps.records.history import History
from modelmedic.steps.records.ledger import Ledger

if TYPE_CHECKING:
    from modelmedic.steps.adapters.evidently.painter import Painter

Outputs = Mapping[str, str]  # a step's answer: exactly the outputs that its stage declares


_SLACK = timedelta(seconds=2)


def silent(_: str) -> None:
    return


@dataclass
class Site:
    """The policy of one model and every port that its steps use.

    `clock` is the model's time, which a simulation plays; `real` is this machine's, by which leases
    run out. `actor` names who acts in every record; `work` is a scratch folder of this machine;
    `say` tells a person what goes on, a sentence a time.
    """

    policy: Policy
    store: ObjectStore
    registry: Registry
    serving: Serving
    windows: Windows
    references: References
    notifier: Notifier
    clock: Clock
    real: Clock
    actor: str
    work: Path
    say: Callable[[str], None] = field(default=silent)
    gone: Callable[[str], bool] = field(default=lambda _holder: False)  # whether a lease's holder is known to be dead
    metrics: Publisher | None = None  # whom the loop tells of itself; None: nobody

    @property
    def model(self) -> str:
        return self.policy.name

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.store, self.clock)

    @cached_property
    def control(self) -> Control:
        return Control(self.store, self.clock)

    @cached_property
    def history(self) -> History:
        return History(self.store, self.clock)

    @cached_property
    def trail(self) -> AuditTrail:
        return AuditTrail(self.store, self.model, self.clock, self.actor)

    @cached_property
    def spool(self) -> Spool:
        return Spool(self.work / "spool.jsonl")

    @cached_property
    def painter(self) -> "Painter":
        """Who draws Evidently's pages beside whatever else goes on here."""
        from modelmedic.steps.adapters.evidently.painter import Painter

        return Painter()

    def lease(self, patience: timedelta = TTL + _SLACK, ttl: timedelta = TTL) -> Lease:
        """The lease on the model, to be used as a context manager. Raises Refused when it is still
        held after `patience`.

        The default is long enough for a lease that a dead process left behind to run out.
        """
        until = self.real.now() + patience
        while True:
            try:
                return acquire(self.store, self.model, self.actor, self.real, ttl=ttl, gone=self.gone)
            except Refused:
                if self.real.now() >= until:
                    raise
            self.real.sleep(_SLACK)

    def annotate(self, facts: Mapping[str, str | None]) -> None:
        """A note on the serving object itself; what serves is not asked for before there is one to
        leave.
        """
        self.serving.annotate(facts)

    def catch_up(self) -> int:
        """How many records went into the trail that had waited for the store, here or on the
        serving object. Raises StoreError.
        """
        return self.spool.flush(self.trail) + flush_notes(self.trail, self.serving.state().annotations, self.annotate)

    def note(self, event: str, facts: Mapping[str, Any], incident: str | None = None) -> Record:
        """A decision without an effect, "did nothing" among them, on the audit trail."""
        return self.trail.append(event, Phase.NOTE, incident=incident, facts=facts)

    def tell(self, event: str, severity: Severity, to: str, summary: str, description: str = "", incident: str | None = None) -> None:
        """A message to people."""
        self.notifier.notify(Notification(event, self.model, incident, severity, to, summary, description, self.clock.now()))


@dataclass
class Run:
    """One incident at one site; a step's only way to the world."""

    site: Site
    incident: Incident
    drawing: tuple[Mapping[str, Any], Future[str]] | None = None  # what is being drawn of it, and the page once it is there

    @cached_property
    def journal(self) -> Journal:
        site = self.site
        return Journal(site.trail, site.clock, site.spool, site.annotate, self.incident)

    def perform(self, effect: Effect, lease: Lease | None) -> Mapping[str, Any]:
        """The effect made to happen once, recorded before and after."""
        return perform(effect, journal=self.journal, control=self.site.control, lease=lease)

    @contextmanager
    def leased(self, ttl: timedelta = TTL) -> Iterator[Lease]:
        """The lease on the model for the length of the block, which has to be shorter than `ttl`."""
        with self.site.lease(ttl=ttl) as lease:
            yield lease

    def stage(self, name: str) -> dict[str, Any] | None:
        """What a stage of this incident has recorded."""
        return self.site.ledger.stage(self.incident, name)

    def record(self, name: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Write a stage's result down once; what stands is returned, which is an earlier run's
        result when there is one.
        """
        return self.site.ledger.record_stage(self.incident, name, document)

    def note(self, event: str, **facts: Any) -> Record:
        return self.site.note(event, facts, self.incident.id)

    def tell(self, event: str, severity: Severity, to: str, summary: str, description: str = "") -> None:
        self.site.tell(event, severity, to, summary, description, self.incident.id)


def advance(site: Site, effect: Effect) -> Mapping[str, Any]:
    """An effect of no incident, under a lease of its own."""
    journal = Journal(site.trail, site.clock, site.spool, site.annotate)
    with site.lease() as lease:
        return perform(effect, journal=journal, control=site.control, lease=lease)


def lease_if_any(site: Site) -> AbstractContextManager[Lease | None]:
    """Retreating does not depend on the lease."""
    try:
        return site.lease(patience=timedelta(0))
    except ModelmedicError:
        return nullcontext()


def _retreat(site: Site, effect: Effect) -> None:
    journal = Journal(site.trail, site.clock, site.spool, site.annotate)
    with lease_if_any(site) as lease:
        perform(effect, journal=journal, control=site.control, lease=lease)
