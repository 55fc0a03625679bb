"""Files that a user's code has left, read as nothing but plain files of a bounded size: no link is
followed, nobody waits for a pipe's writer, and no device is read.
"""

import contextlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.redaction import redact_text

# A file is opened without waiting and looked at when it is open, so that it cannot turn into
# something else in between.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextlib.contextmanager
def opened_plain(path: Path, most: int) -> Iterator[IO[bytes]]:
    """The file for reading. Raises BadInput when it is no plain file or has more than `most` bytes,
    and OSError when it cannot be opened.
    """
    try:
        number = os.open(path, _FLAGS)
    except OSError as error:
        if path.is_symlink():
            raise BadInput(f"file {path} is a link; expected a plain file") from error
        raise
    with os.fdopen(number, "rb") as file:
        found = os.fstat(number)
        if not stat.S_ISREG(found.st_mode):
            raise BadInput(f"file {path} is no plain file; expected one")
        if found.st_size > most:
            raise BadInput(f"file {path} has {found.st_size} bytes; expected at most {most}")
        yield file


def read_plain(path: Path, most: int) -> bytes:
    """The bytes of the file. Raises BadInput or OSError, as `opened_plain`."""
    with opened_plain(path, most) as file:
        data = file.read(most + 1)
    if len(data) > most:  # it grew while it was read
        raise BadInput(f"file {path} has more than {most} bytes")
    return data


def read_json(path: Path, most: int) -> Any:
    """The JSON document of the file. Raises BadInput or OSError, and ValueError when it is no JSON
    or is nested deeper than the interpreter's stack.
    """
    try:
        return json.loads(read_plain(path, most))
    except RecursionError as error:
        raise ValueError(f"file {path} is nested too deeply") from error


def sentence(said: Any, longest: int) -> str:
    """What a user's code said, as one printable line of at most `longest` characters, without
    secrets; empty for None. Raises TypeError for what is no text.
    """
    if not isinstance(said, str | None):
        raise TypeError(f"expected a text, got a {type(said).__name__}")
    line = " ".join(redact_text((said or "")[: longest * 8]).split())
    return "".join(c for c in line if c.isprintable())[:longest]
