"""Everything that a step may touch: `Site` holds the ports of one model, `Run` one incident of it
that is being healed.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from modelmedic.steps.contracts.audit import Phase, Record
from modelmedic.steps.contracts.errors import BadInput, ModelmedicError, Refused
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.notification import Notification, Severity
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import Clock, Notifier, ObjectStore, References, Registry, Serving, Windows
from modelmedic.steps.contracts.results import Result
from modelmedic.steps.contracts.samples import Publisher
from modelmedic.steps.effects.journal import Journal
from modelmedic.steps.effects.lease import TTL, Lease, acquire
from modelmedic.steps.effects.perform import Effect, perform
from modelmedic.steps.effects.spool import Spool, flush_notes
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.freezes import Freezes
from modelmedic.steps.records.history import History
from modelmedic.steps.records.ledger import Ledger

if TYPE_CHECKING:
    from modelmedic.steps.adapters.evidently.painter import Painter

R = TypeVar("R", bound=Result)
Outputs = Mapping[str, str]  # a step's answer: exactly the outputs that its stage declares
_SLACK = timedelta(seconds=2)


def silent(_: str) -> None:
    """A `say` that tells nobody."""
    return


@dataclass
class Site:
    """The policy of one model and every port that its steps use.

    `clock` is the model's time, which a simulation plays; `real` is this machine's, by which leases
    run out. `actor` names who acts in every record; `work` is a scratch folder of this machine;
    `say` tells a person what goes on, a sentence a time. `gone` is true of a lease's holder that is
    known to be dead. `metrics` gets the loop's own samples; None: nobody does.
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
    gone: Callable[[str], bool] = field(default=lambda _holder: False)
    metrics: Publisher | None = None

    @property
    def model(self) -> str:
        return self.policy.name

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.store, self.clock)

    @cached_property
    def freezes(self) -> Freezes:
        return Freezes(self.store, self.clock)

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
        """The process that draws Evidently's pages beside everything else."""
        from modelmedic.steps.adapters.evidently.painter import Painter

        return Painter()

    def lease(self, patience: timedelta = TTL + _SLACK, ttl: timedelta = TTL) -> Lease:
        """The lease on the model, a context manager. Raises Refused when somebody still holds it
        after `patience`.

        The default outlasts a lease that a dead process left behind.
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
        """Leave a note on the serving object itself. `serving` may be a proxy, and is not built
        before there is a note.
        """
        self.serving.annotate(facts)

    def catch_up(self) -> int:
        """Append the records that waited for the store, here or on the serving object; their
        number. Raises StoreError.
        """
        return self.spool.flush(self.trail) + flush_notes(self.trail, self.serving.state().annotations, self.annotate)

    def note(self, event: str, facts: Mapping[str, Any], incident: str | None = None) -> Record:
        """Record a decision without an effect on the audit trail; "did nothing" is one as well."""
        return self.trail.append(event, Phase.NOTE, incident=incident, facts=facts)

    def tell(self, event: str, severity: Severity, to: str, summary: str, description: str = "", incident: str | None = None) -> None:
        """Send a message to people."""
        self.notifier.notify(Notification(event, self.model, incident, severity, to, summary, description, self.clock.now()))


@dataclass
class Run:
    """One incident at one site; a step's only way to the world. `drawing` is what is being drawn of
    the incident, and the page to come.
    """

    site: Site
    incident: Incident
    drawing: tuple[Mapping[str, Any], Future[str]] | None = None

    @cached_property
    def journal(self) -> Journal:
        site = self.site
        return Journal(site.trail, site.clock, site.spool, site.annotate, self.incident)

    def perform(self, effect: Effect, lease: Lease | None) -> Mapping[str, Any]:
        """Make the effect happen once, recorded before and after."""
        return perform(effect, journal=self.journal, freezes=self.site.freezes, lease=lease)

    @contextmanager
    def leased(self, ttl: timedelta = TTL) -> Iterator[Lease]:
        """The lease on the model for the block, which has to be shorter than `ttl`."""
        with self.site.lease(ttl=ttl) as lease:
            yield lease

    def result(self, kind: type[R]) -> R:
        """The recorded result of an earlier stage. Raises BadInput when there is none."""
        found = self.result_if_any(kind)
        if found is None:
            raise BadInput(f"incident {self.incident.id} has no result of {kind.name}; expected that stage to have run before")
        return found

    def result_if_any(self, kind: type[R]) -> R | None:
        return self.site.ledger.result(self.incident, kind)

    def outputs(self, stage: str) -> Outputs | None:
        """The outputs that a stage of this incident has recorded; None before it has."""
        return self.site.ledger.outputs(self.incident, stage)

    def record(self, result: R) -> R:
        """Write a stage's result down once; the result that stands is returned, which is an earlier
        run's when there is one.
        """
        return self.site.ledger.record(self.incident, result)

    def note(self, event: str, **facts: Any) -> Record:
        return self.site.note(event, facts, self.incident.id)

    def tell(self, event: str, severity: Severity, to: str, summary: str, description: str = "") -> None:
        self.site.tell(event, severity, to, summary, description, self.incident.id)


def lease_if_any(site: Site) -> AbstractContextManager[Lease | None]:
    """The lease when it can be had at once, else None, because a retreat does not depend on it."""
    try:
        return site.lease(patience=timedelta(0))
    except ModelmedicError:
        return nullcontext()


def advance(site: Site, effect: Effect) -> Mapping[str, Any]:
    """Perform an effect that belongs to no incident, under a lease of its own."""
    with site.lease() as lease:
        return perform(effect, journal=_journal(site), freezes=site.freezes, lease=lease)


def retreat(site: Site, effect: Effect) -> None:
    """Perform an effect that belongs to no incident and takes something back, with or without the
    lease.
    """
    with lease_if_any(site) as lease:
        perform(effect, journal=_journal(site), freezes=site.freezes, lease=lease)


def _journal(site: Site) -> Journal:
    return Journal(site.trail, site.clock, site.spool, site.annotate)
