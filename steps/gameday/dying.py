"""A training function that dies, as one does that the kernel kills for want of memory."""

import os
import signal
from typing import Any, Final

ENTRYPOINT: Final = "modelmedic.steps.gameday.dying:train"


def train(_frame: Any, _policy: Any) -> Any:
    """End this process; it is a child that was started for one training."""
    os.kill(os.getpid(), signal.SIGKILL)
