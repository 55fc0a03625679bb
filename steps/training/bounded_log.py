"""The output of a child process on disk: its beginning and its end, whatever it writes in between,
and without the secrets that it prints.
"""

from collections import deque
from pathlib import Path
from typing import Final

from modelmedic.steps.contracts.redaction import RunningText

_HEAD: Final = 1 << 20  # bytes
_TAIL: Final = 1 << 18  # bytes; a traceback stands at the end
_LONGEST_LINE: Final = 1 << 16  # bytes


class BoundedLog:
    """Writes the first bytes line by line, and at its close the last ones, with the number of bytes
    left out between them.
    """

    def __init__(self, path: Path, head: int = _HEAD, tail: int = _TAIL) -> None:
        self._file = path.open("wb", buffering=0)
        self._room = head
        self._most = tail
        self._last = deque[bytes]()
        self._held = 0
        self._dropped = 0
        self._text = RunningText()
        self._line = b""  # what has not ended yet: half a secret is not told from text

    def add(self, data: bytes) -> None:
        whole, newline, self._line = (self._line + data).rpartition(b"\n")
        if len(self._line) > _LONGEST_LINE:
            whole, newline, self._line = whole + newline + self._line, b"", b""
        self._write(whole + newline)

    def close(self) -> None:
        self._write(self._line)
        tail = b"".join(self._last)
        cut = max(0, len(tail) - self._most)
        if self._dropped + cut:
            self._file.write(f"\n[{self._dropped + cut} bytes left out]\n".encode())
        self._file.write(tail[cut:])
        self._file.close()

    def _write(self, lines: bytes) -> None:
        data = self._text.redact(lines.decode(errors="surrogateescape")).encode(errors="surrogateescape")
        self._file.write(data[: self._room])
        rest = data[self._room :]
        self._room -= len(data) - len(rest)
        if rest:
            self._keep(rest)

    def _keep(self, data: bytes) -> None:
        self._last.append(data)
        self._held += len(data)
        while self._held - len(self._last[0]) >= self._most:
            gone = len(self._last.popleft())
            self._held -= gone
            self._dropped += gone
