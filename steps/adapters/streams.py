"""stdout and stderr through which no secret gets, whoever writes to them: this program, a library's
log or the interpreter with a traceback. Called first by each process of this program.
"""

import sys
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, TextIO

from modelmedic.steps.contracts.redaction import RunningText


class RedactingStream:
    """A text stream that redacts what is written to it, a write at a time; so does its `buffer`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._text = RunningText()

    @property
    def buffer(self) -> "_Bytes":
        return _Bytes(self._stream.buffer, self._text)

    def write(self, text: str) -> int:
        self._stream.write(self._text.redact(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        self.write("".join(lines))

    def __iter__(self) -> Iterator[str]:
        return iter(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Bytes:
    """The bytes below a redacting stream, which click writes where it completes a command."""

    def __init__(self, stream: BinaryIO, text: RunningText) -> None:
        self._stream = stream
        self._text = text

    def write(self, data: bytes) -> int:
        self._stream.write(self._text.redact(bytes(data).decode(errors="surrogateescape")).encode(errors="surrogateescape"))
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def redact_output() -> None:
    """Let nothing but redacted text reach stdout and stderr from here on; doing it twice is doing
    it once.
    """
    sys.stdout, sys.stderr = _redacting(sys.stdout), _redacting(sys.stderr)


def _redacting(stream: Any) -> Any:
    return stream if isinstance(stream, RedactingStream) else RedactingStream(stream)
