"""A person's freeze over one model or all of them, laid and lifted with a record on every trail
that it concerns.
"""

from datetime import datetime

from modelmedic.steps.contracts.audit import Phase
from modelmedic.steps.contracts.control import FreezeOrder
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.keys import freeze_key
from modelmedic.steps.contracts.ports import Clock, ObjectStore
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.documents import put, read
from modelmedic.steps.records.known_models import models


def freeze(
    store: ObjectStore, clock: Clock, model: str | None, *, by: str, reason: str, until: datetime | None = None, dry_run: bool = False
) -> FreezeOrder:
    """Let nothing advance for the model, or for every model (None). It holds even when it cannot be
    put on a trail.

    Raises BadInput when `until` has passed, StoreError when the order, or then its record, cannot
    be written.
    """
    order = FreezeOrder(model, by, reason, clock.now(), until)
    if not order.holds(clock.now()):
        raise BadInput(f"a freeze until {until:%Y-%m-%dT%H:%MZ} has passed already; expected a later time")
    if not dry_run:
        order = Control(store, clock).freeze(model, by=by, reason=reason, until=until)
        _record(store, clock, order, "freeze.ordered", Phase.OUTCOME)
    return order


def lift(store: ObjectStore, clock: Clock, model: str | None, *, by: str, reason: str, dry_run: bool = False) -> FreezeOrder:
    """End the freeze of exactly this scope; it is recorded before it counts. What was lifted.

    Raises BadInput when there is none, StoreError or Refused when it cannot be recorded.
    """
    control = Control(store, clock)
    standing = control.order(model)
    if standing is None:
        raise BadInput(f"{'model ' + model if model is not None else 'every model'} is not frozen; nothing to lift")
    if not dry_run:
        order = FreezeOrder(model, by, reason, clock.now(), lifted=True)
        _record(store, clock, order, "freeze.lifted", Phase.INTENT)
        order = control.unfreeze(model, by=by, reason=reason)
        _record(store, clock, order, "freeze.lifted", Phase.OUTCOME)
    return standing


def standing(store: ObjectStore, clock: Clock) -> tuple[FreezeOrder, ...]:
    """Every freeze that holds now, the general one first. Freezes that a policy states itself are
    not among them.
    """
    control = Control(store, clock)
    orders = (control.order(scope) for scope in (None, *models(store)))
    return tuple(order for order in orders if order is not None)


def _record(store: ObjectStore, clock: Clock, order: FreezeOrder, event: str, phase: Phase) -> None:
    facts = {"scope": order.model or "every model", "reason": order.reason, "until": order.until}
    key = f"{event}/{order.at.isoformat()}/{order.by}"
    for model in (order.model,) if order.model is not None else models(store):
        AuditTrail(store, model, clock, order.by).append(event, phase, key=key, facts=facts)


class Control:
    """Reads and writes `control/` on `store`. A scope of None means every model; an empty one means
    nothing and is refused.
    """

    def __init__(self, store: ObjectStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def freeze(self, model: str | None, *, by: str, reason: str, until: datetime | None = None) -> FreezeOrder:
        """Let nothing advance from now on. Raises BadInput when `until` has passed already or the
        model's name is empty.
        """
        now = self._clock.now()
        if model == "":
            raise BadInput("freeze names an empty model; expected a model's name, or all of them said outright")
        if until is not None and until <= now:
            raise BadInput(f"freeze ends at {until.isoformat()}, which has passed at {now.isoformat()}; expected a later time")
        order = FreezeOrder(model, by, reason, now, until)
        put(self._store, freeze_key(model), order)
        return order

    def unfreeze(self, model: str | None, *, by: str, reason: str = "") -> FreezeOrder:
        """Lift the freeze of exactly this scope. Raises BadInput when there is none."""
        standing = self.order(model)
        if standing is None:
            raise BadInput(f"{'model ' + model if model is not None else 'every model'} is not frozen; nothing to lift")
        order = FreezeOrder(model, by, reason, self._clock.now(), None, lifted=True)
        put(self._store, freeze_key(model), order)
        return order

    def order(self, model: str | None) -> FreezeOrder | None:
        """The freeze of exactly this scope that holds now."""
        order = read(self._store, FreezeOrder, freeze_key(model))
        return order if order is not None and order.holds(self._clock.now()) else None

    def frozen(self, model: str) -> FreezeOrder | None:
        """The freeze that holds for the model now, its own or the general one. Raises StoreError
        when it cannot be told.
        """
        return self.order(None) or self.order(model)
