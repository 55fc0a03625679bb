"""Evidently in a process of its own, which draws one HTML page after the other for as long as the
process that started it lives. Called by the local engine.

Evidently takes seconds to import and a second or more for a page; the process does that on another
core while a model is trained.
"""

import os
import pickle
import subprocess
import sys
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from modelmedic.steps.contracts.errors import ModelmedicError

if TYPE_CHECKING:
    from modelmedic.steps.adapters.evidently.report import DriftPage


class Painter:
    """Draws Evidently's pages (`report.drift_page`) in a process that starts with the first page
    and ends with this object.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting = ThreadPoolExecutor(max_workers=1, thread_name_prefix="painter")  # waits for the pipe and does nothing else

    def draw(self, reference: pa.Table, current: pa.Table, **wishes: Any) -> "Future[DriftPage]":
        """The future page, whose result raises ModelmedicError when Evidently fails or the process
        is gone.
        """
        return self._waiting.submit(self._asked, pickle.dumps({"reference": reference, "current": current, **wishes}))

    def _asked(self, request: bytes) -> "DriftPage":
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(request)
            process.stdin.flush()
            page, error = pickle.load(process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError) as lost:
            process.kill()
            raise ModelmedicError(f"the process that draws Evidently's page ended with exit code {process.wait()}") from lost
        if error:
            raise ModelmedicError(error)
        drawn: DriftPage = page
        return drawn

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            command = [sys.executable, "-m", "modelmedic.steps.adapters.evidently.painter"]
            pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
            # a session of its own: Ctrl-C at the terminal is for the heal, whose end closes the
            # pipe
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nothing, start_new_session=True)
            weakref.finalize(self, _end, self._process)
        return self._process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()  # the process leaves nothing half done
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


def main() -> None:
    """Read requests from stdin and answer each with a page or an error, until stdin is closed,
    which a kill -9 of the starter does as well.
    """
    from modelmedic.steps.adapters.evidently.report import DriftPage, drift_page

    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # text that Evidently prints must not reach the pipe of the answers
    while True:
        try:
            request = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer: tuple[DriftPage | None, str] = (drift_page(**request), "")
        except ModelmedicError as error:
            answer = (None, str(error))
        except Exception as error:  # whatever Evidently and pandas raise about data that may be broken in any way
            answer = (None, f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}")
        pickle.dump(answer, answers)
        answers.flush()


if __name__ == "__main__":
    main()
