"""Exceptions that are nobody's fault but the input's or the machine's, as errors with a sentence
and a documented exit code. The command line and the steps' own command ask here last of all: what
is not explained is a bug, and keeps its traceback.
"""

import errno
from typing import Final

from modelmedic.steps.contracts.errors import BadInput, ModelmedicError, Transient

_LATER: Final = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EIO, errno.ETXTBSY)
_CALENDAR: Final = ("date value out of range", "year is out of range", "must have magnitude")
_LONGEST: Final = 300  # characters


def explained(error: BaseException) -> ModelmedicError | None:
    """The error that the exception stands for; None for one of this program's own faults."""
    if isinstance(error, ModelmedicError):
        return error
    if isinstance(error, MemoryError):
        return Transient("there is not enough memory for this; expected smaller data, or a machine with more of it")
    if isinstance(error, OSError):
        return _of_system(error)
    if isinstance(error, UnicodeError):
        return BadInput(f"a text is no UTF-8 and cannot be read or written ({_line(error)}); expected UTF-8 everywhere")
    if isinstance(error, OverflowError | ValueError) and any(words in str(error) for words in _CALENDAR):
        return BadInput(f"a moment lies beyond the calendar ({_line(error)}); expected moments from 1678 to 2261")
    if _is_of_arrow(error):
        return BadInput(f"data holds what cannot be worked with here ({_line(error)}); expected numbers, texts, truth values and times")
    return None


def _of_system(error: OSError) -> ModelmedicError | None:
    """A file or folder that cannot be used, or a machine that has no more of something."""
    if error.errno in _LATER:
        return Transient(f"{_about(error)}: {_line(error)}; expected room for what this program writes and opens")
    if error.filename is None:
        return None
    return BadInput(
        f"{_about(error)} cannot be used: {(error.strerror or type(error).__name__).lower()}; expected one that this user may use"
    )


def _about(error: OSError) -> str:
    return f"{str(error.filename)!a}" if error.filename is not None else "this machine"


def _is_of_arrow(error: BaseException) -> bool:
    """True without an import of pyarrow: what never used it raises nothing of it."""
    return any(kind.__name__ == "ArrowException" for kind in type(error).__mro__)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:_LONGEST] or type(error).__name__
