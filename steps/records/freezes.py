"""The freezes that people lay over one model or all of them: ordered and lifted with a record on
every trail that they concern, and asked about before every advance (effects/perform).
"""

from datetime import datetime, timedelta
from functools import cached_property

from modelmedic.steps.contracts.audit import Phase
from modelmedic.steps.contracts.control import FreezeOrder
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.keys import freeze_key
from modelmedic.steps.contracts.ports import Clock, ObjectStore
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.documents import put, read
from modelmedic.steps.records.fleet_breaker import FleetBreaker
from modelmedic.steps.records.known_models import models

_LONG = timedelta(days=7)  # within which somebody lifts again what a kill left frozen


class Freezes:
    """Orders, lifts and reads the freezes below `control/` of the store. A scope of None means
    every model.
    """

    def __init__(self, store: ObjectStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def freeze(self, model: str | None, *, by: str, reason: str = "", until: datetime | None = None, dry_run: bool = False) -> FreezeOrder:
        """Let nothing advance for the model, or for every model. The freeze is written first and
        recorded then, so that it holds even when no trail can be written to.

        Raises BadInput when `until` has passed or the model's name is empty, StoreError when the
        order, or then its record, cannot be written.
        """
        now = self._clock.now()
        if model == "":
            raise BadInput("freeze names an empty model; expected a model's name, or all of them said outright")
        order = FreezeOrder(model, by, reason, now, until)
        if not order.holds(now):
            raise BadInput(f"a freeze until {until:%Y-%m-%dT%H:%MZ} has passed already; expected a later time")
        if not dry_run:
            put(self._store, freeze_key(model), order)
            self._record(order, "freeze.ordered", Phase.OUTCOME)
        return order

    def lift(self, model: str | None, *, by: str, reason: str = "", dry_run: bool = False) -> FreezeOrder:
        """End the freeze of exactly this scope, and return it; that of every model resets the
        breaker over the fleet as well. The lift is recorded before it counts.

        Raises BadInput when there is none, StoreError or Refused when the lift cannot be recorded.
        """
        lifted = self.order(model)
        stopped = self.fleet.stop() if model is None else None
        if lifted is None and stopped is not None:
            lifted = stopped.order
        if lifted is None and not dry_run and (last := self._lifted(model)) is not None:
            return last
        if lifted is None:
            raise BadInput(f"{'model ' + model if model is not None else 'every model'} is not frozen; nothing to lift")
        if not dry_run:
            order = FreezeOrder(model, by, reason, self._clock.now(), lifted=True)
            self._record(order, "freeze.lifted", Phase.INTENT)
            if stopped is not None:
                self.fleet.reset(by, reason)
            put(self._store, freeze_key(model), order)
            self._record(order, "freeze.lifted", Phase.OUTCOME)
        return lifted

    def _lifted(self, model: str | None) -> FreezeOrder | None:
        """The lift that stands, if the process that lifted was killed before it was recorded; it is
        recorded now.
        """
        order = read(self._store, FreezeOrder, freeze_key(model))
        if order is None or not order.lifted:
            return None
        return order if self._record(order, "freeze.lifted", Phase.OUTCOME) else None

    @cached_property
    def fleet(self) -> FleetBreaker:
        return FleetBreaker(self._store, self._clock)

    def order(self, model: str | None) -> FreezeOrder | None:
        """The freeze of exactly this scope that holds now."""
        order = read(self._store, FreezeOrder, freeze_key(model))
        return order if order is not None and order.holds(self._clock.now()) else None

    def frozen(self, model: str) -> FreezeOrder | None:
        """The freeze that holds for the model now: the general one, its own, or the breaker over
        the fleet. Raises StoreError when the store cannot be read.
        """
        return self.order(None) or self.order(model) or self._stopped()

    def _stopped(self) -> FreezeOrder | None:
        """The breaker over the fleet as a freeze, while it is open."""
        stop = self.fleet.stop()
        return stop.order if stop is not None else None

    def standing(self) -> tuple[FreezeOrder, ...]:
        """Every freeze that holds now, the general ones first. A freeze that a policy states itself
        is not among them.
        """
        orders = (self._stopped(), *(self.order(scope) for scope in (None, *models(self._store))))
        return tuple(order for order in orders if order is not None)

    def _record(self, order: FreezeOrder, event: str, phase: Phase) -> bool:
        """Record it once on every trail that it concerns; whether any lacked it."""
        facts = {"scope": order.model or "every model", "reason": order.reason, "until": order.until}
        key, document = f"{event}/{order.at.isoformat()}/{order.by}", freeze_key(order.model)
        documents = [document] if phase is Phase.OUTCOME else []
        lacked = False
        for model in (order.model,) if order.model is not None else models(self._store):
            trail = AuditTrail(self._store, model, self._clock, order.by)
            lacked |= trail.once(event, key, facts=facts, documents=documents, since=order.at, phase=phase)
            if phase is Phase.OUTCOME:
                self._end_intents(trail, event, order)
        return lacked

    def _end_intents(self, trail: AuditTrail, event: str, order: FreezeOrder) -> None:
        """End the intents of lifts that were killed before they lifted anything."""
        for record in trail.open_intents(trail.later(order.at - _LONG)):
            if record.event == event:
                trail.append(event, Phase.FAILURE, key=record.key, facts={"error": "its process ended before the freeze was lifted"})
