"""The breaker over the fleet: opened by the loop where the heals of many models fail, and reset by
a person alone.
"""

from datetime import datetime

from modelmedic.steps.contracts.control import FleetReset, FleetStop
from modelmedic.steps.contracts.keys import fleet_key, fleet_reset_key
from modelmedic.steps.contracts.ports import Clock, ObjectStore
from modelmedic.steps.records.documents import exists, keep, last, read


class FleetBreaker:
    """Reads and writes `fleet/` and `control/fleet/` of the store; openings have dense numbers, and
    number n + 1 comes after the reset of n.
    """

    def __init__(self, store: ObjectStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def stop(self) -> FleetStop | None:
        """The opening that holds now."""
        number = self._newest()
        if not number or exists(self._store, fleet_reset_key(number)):
            return None
        return read(self._store, FleetStop, fleet_key(number))

    def reset_at(self) -> datetime | None:
        """The last time that a person reset it."""
        number = self._newest()
        for each in (number, number - 1):
            found = read(self._store, FleetReset, fleet_reset_key(each)) if each > 0 else None
            if found is not None:
                return found.at
        return None

    def open(self, incident: str, failures: tuple[str, ...], reason: str) -> FleetStop:
        """Let nothing advance for any model. What stands is returned: an opening that nobody has
        reset, whoever opened it.
        """
        stands = self.stop()
        if stands is not None:
            return stands
        return keep(self._store, fleet_key(self._newest() + 1), FleetStop(self._clock.now(), incident, failures, reason))[0]

    def reset(self, by: str, reason: str) -> str:
        """End the opening that holds, and return the key of the word on it."""
        key = fleet_reset_key(self._newest())
        keep(self._store, key, FleetReset(self._clock.now(), by, reason))
        return key

    def _newest(self) -> int:
        return last(lambda number: exists(self._store, fleet_key(number)))
