"""Everything that a step may touch: `Site` holds the ports of one model, `Run` one incident of it
that is being healed.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from modelmedic.steps.contracts.audit import Phase, Record
from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.errors import BadInput, ModelmedicError
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.keys import model_hash, release_key, stage_key
from modelmedic.steps.contracts.notification import Notification, Severity
from modelmedic.steps.contracts.places import Places
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import (
    Clock,
    LineageSink,
    Notifier,
    ObjectStore,
    References,
    Registry,
    ServiceHealth,
    Serving,
    TraceSink,
    Windows,
)
from modelmedic.steps.contracts.results import Result
from modelmedic.steps.contracts.samples import Publisher
from modelmedic.steps.effects.journal import Journal
from modelmedic.steps.effects.lease import TTL, Claim, Lease, LeaseHeld, LeaseWatch, acquire
from modelmedic.steps.effects.perform import Effect, perform
from modelmedic.steps.effects.spool import Spool, flush_notes
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.freezes import Freezes
from modelmedic.steps.records.history import History
from modelmedic.steps.records.ledger import Ledger
from modelmedic.steps.records.outbox import Outbox
from modelmedic.steps.runtime.alone import alone
from modelmedic.steps.runtime.links import links

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from modelmedic.steps.adapters.evidently.painter import Painter
    from modelmedic.steps.adapters.evidently.report import DriftPage
    from modelmedic.steps.adapters.models.pilots import Pilots

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
    known to be dead. `metrics` gets the loop's own samples; None: nobody does. `ask` answers rows
    as one version does, in this process, for replays that trust their models; None: models are
    asked in child processes. `pages` is false where nobody will look at an incident's page, as in
    a replay. `anchor_key` signs the remarks on the trail's end. `places` are what messages and
    pages link to. `health` says how the service is to its callers; None: nobody knows. `outbox`
    sends the records as events, `traces` gets those of heals, and `lineage` their data and models;
    None: nobody does. `traceparent` is the span, as W3C writes it, that a heal at this site is part
    of; empty: none. `givers` says who gave an answer, by its incident and its document; None:
    nobody is asked.
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
    ask: "Callable[[str, pa.Table], np.ndarray] | None" = None
    pages: bool = True
    anchor_key: bytes | None = None
    places: Places = field(default_factory=Places)
    givers: Callable[[str, bytes], Collection[str]] | None = None
    health: ServiceHealth | None = None
    outbox: Outbox | None = None
    traces: TraceSink | None = None
    lineage: LineageSink | None = None
    traceparent: str = ""

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
        return AuditTrail(self.store, self.model, self.clock, self.actor, self.outbox)

    @cached_property
    def spool(self) -> Spool:
        return Spool(self.work / "spool.jsonl")

    @cached_property
    def painter(self) -> "Painter":
        """The process that draws Evidently's pages beside everything else."""
        from modelmedic.steps.adapters.evidently.painter import Painter

        return Painter()

    @cached_property
    def pilots(self) -> "Pilots":
        """The small models that measure ageing, each taught once in this process."""
        from modelmedic.steps.adapters.models.pilots import Pilots

        return Pilots()

    def lease(self, patience: timedelta = TTL + _SLACK, ttl: timedelta = TTL) -> Lease:
        """The lease on the model, a context manager. Raises Refused when somebody still holds it
        after `patience`.

        The default outlasts a lease that a dead process left behind; one that its holder's clock
        dated ahead is waited for as long as a lease may last, however short the patience.
        """
        began = self.real.now()
        watch = LeaseWatch(self.real)
        while True:
            try:
                return acquire(self.store, self.model, self.actor, self.real, ttl=ttl, gone=self.gone, watch=watch)
            except LeaseHeld as held:
                if patience and _dated_ahead(held.claim, self.real.now()):
                    patience = max(patience, held.claim.lasts + _SLACK)
                if self.real.now() - began >= patience:
                    raise
            self.real.sleep(_SLACK)

    def alone(self, name: str, subject: str, doing: str) -> AbstractContextManager[None]:
        """The right of one process of this machine to work on what `name` names, for a block.
        Raises Transient, naming the holder, when another process does.
        """
        return alone(self.work / "locks" / f"{name}.lock", subject, doing, self.actor, self.real.now())

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

    def send_late(self) -> int:
        """Send the records that were not sent as events yet; their number. Never raises."""
        return self.outbox.catch_up(self.trail.entries_from) if self.outbox is not None else 0

    def note(self, event: str, facts: Mapping[str, Any], incident: str | None = None) -> Record:
        """Record a decision without an effect on the audit trail; "did nothing" is one as well."""
        return self.trail.append(event, Phase.NOTE, incident=incident, facts=facts)

    def once(
        self,
        event: str,
        key: str,
        facts: Mapping[str, Any],
        *,
        incident: str | None = None,
        documents: Iterable[str] = (),
        since: datetime | None = None,
        first: Callable[[], object] = tuple,
        told: Callable[[Record], bool] | None = None,
    ) -> bool:
        """Record a decision that a stored document holds, unless that was done, by this process or
        one that was killed; says whether it was recorded now. No note is older than `since`;
        `first` is called before one is added, and `told` knows one of an earlier version.
        """
        return self.trail.once(event, key, incident=incident, facts=facts, documents=documents, since=since, first=first, told=told)

    def record_release(self, release: Release) -> Release:
        """Write down that another version serves now, once per time and version, and record it."""
        kept = self.history.record_release(self.model, release)
        self.note_release(kept)
        return kept

    def note_release(self, release: Release) -> None:
        """Record, once, a release that is written down."""
        key = release_key(self.model, release.at, release.version)
        facts = {"version": release.version, "previous": release.previous, "by": release.by}
        self.once("release.recorded", key, facts, documents=[key], since=release.at)

    def tell(self, event: str, severity: Severity, to: str, summary: str, description: str = "", incident: str | None = None) -> None:
        """Send a message to people, with links to all that they may want to look at."""
        where, now = links(self, event, incident), self.clock.now()
        self.notifier.notify(Notification(event, self.model, incident, severity, to, summary, description, now, where))


@dataclass
class Run:
    """One incident at one site; a step's only way to the world. `drawing` is what is being drawn of
    the incident, and the page to come.
    """

    site: Site
    incident: Incident
    drawing: "tuple[Mapping[str, Any], Future[DriftPage]] | None" = None

    @cached_property
    def journal(self) -> Journal:
        site = self.site
        return Journal(site.trail, site.clock, site.spool, site.annotate, self.incident)

    def alone(self, doing: str) -> AbstractContextManager[None]:
        """The right to work on the incident on this machine, for a block. Raises Transient."""
        return self.site.alone(self.incident.id, f"incident {self.incident.id}", doing)

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

    def once(self, event: str, about: str, *, documents: Iterable[str] = (), first: Callable[[], object] = tuple, **facts: Any) -> bool:
        """Record, once in the incident, a decision that a stored document holds; `about` tells it
        from others of that event. Says whether it was recorded now; `first` is called before.
        """
        key, since = f"{event}/{self.incident.id}/{about}", self.incident.opened_at
        return self.site.once(event, key, facts, incident=self.incident.id, documents=documents, since=since, first=first)

    def stage_key(self, stage: str) -> str:
        """The key of the document that holds the stage's result."""
        return stage_key(model_hash(self.incident.model), self.incident.epoch, stage)

    def tell(self, event: str, severity: Severity, to: str, summary: str, description: str = "") -> None:
        self.site.tell(event, severity, to, summary, description, self.incident.id)


def _dated_ahead(claim: Claim, now: datetime) -> bool:
    """True when no lease that was taken by now can expire that late."""
    return claim.expires > now + claim.lasts + _SLACK


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
