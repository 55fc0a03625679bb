"""Waiting for something that somebody else brings about: a process that starts, a gateway that
takes a route in. Called by the adapters of serving.
"""

import time
from collections.abc import Callable
from typing import TypeVar

import tenacity

T = TypeVar("T")


def wait_until(look: Callable[[], T], *, seconds: float, pause: float, sleep: Callable[[float], None] = time.sleep) -> T:
    """The first answer of `look` that is true, or its last one once `seconds` are over.

    `look` is called at least once; what it raises ends the wait. `pause` is seconds between two
    looks.
    """
    return tenacity.Retrying(
        stop=tenacity.stop_after_delay(seconds),
        wait=tenacity.wait_fixed(pause),
        retry=tenacity.retry_if_result(lambda answer: not answer),
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        sleep=sleep,
    )(look)
