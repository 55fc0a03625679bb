"""A delivery that is tried again where the trouble may pass."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import tenacity

from modelmedic.steps.contracts.errors import Transient
from modelmedic.steps.contracts.ports import Clock

_TRIES: Final = 3
_PAUSE: Final = tenacity.wait_incrementing(start=0.3, increment=0.3)  # seconds: before the second try, twice that before the third


def deliver_again(clock: Clock, deliver: Callable[[], None]) -> None:
    """Call `deliver` until it raises no Transient, at most three times; the last one is raised."""
    tenacity.Retrying(
        stop=tenacity.stop_after_attempt(_TRIES),
        wait=_PAUSE,
        retry=tenacity.retry_if_exception_type(Transient),
        sleep=lambda seconds: clock.sleep(timedelta(seconds=seconds)),
        reraise=True,
    )(deliver)
