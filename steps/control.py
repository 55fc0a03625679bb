"""The freeze: what a person lays over one model or all of them, read before every step forward."""

from datetime import datetime

from modelmedic.steps.contracts.control import FreezeOrder
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.keys import freeze_key
from modelmedic.steps.contracts.ports import Clock, ObjectStore
from modelmedic.steps.documents import put, read


class Control:
    """Reads and writes `control/` on `store`. A scope of None means every model; an empty one means nothing and is refused."""

    def __init__(self, store: ObjectStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def freeze(self, model: str | None, *, by: str, reason: str, until: datetime | None = None) -> FreezeOrder:
        """Let nothing advance from now on. Raises BadInput when `until` has passed already or the model's name is empty."""
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
        """The freeze that holds for the model now, its own or the general one. Raises StoreError when it cannot be told."""
        return self.order(None) or self.order(model)
