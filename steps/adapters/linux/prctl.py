"""Properties that a process gives itself by prctl(2); without effect elsewhere than on Linux."""

import contextlib
import ctypes
import signal
import sys
import threading
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

_SET_PDEATHSIG: Final = 1
_GET_DUMPABLE: Final = 3
_SET_DUMPABLE: Final = 4
_SET_CHILD_SUBREAPER: Final = 36
_CAPBSET_DROP: Final = 24
_SET_NO_NEW_PRIVS: Final = 38
_CAPABILITIES_OF_FILES: Final = 1 << 0 | 1 << 1 | 1 << 3  # CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER
_LAST_CAPABILITY: Final = 63
_CAPABILITY_VERSION: Final = 0x20080522


@cache
def libc() -> Any | None:
    """The C library; None on other systems than Linux."""
    return ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def adopt_orphans() -> bool:
    """Let orphans among this process's descendants become its children, whatever they did to leave
    (PR_SET_CHILD_SUBREAPER).
    """
    return _prctl(_SET_CHILD_SUBREAPER, 1) == 0


def die_with_parent() -> bool:
    """Let the kernel kill this process when its parent ends (PR_SET_PDEATHSIG)."""
    return _prctl(_SET_PDEATHSIG, signal.SIGKILL) == 0


def forbid_new_privileges() -> bool:
    """Let no program that is started from here on gain rights, by setuid or otherwise."""
    return _prctl(_SET_NO_NEW_PRIVS, 1) == 0


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Capabilities(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def drop_capabilities() -> None:
    """Give up what root may do beyond its files, for this process and all that it will start; of
    no effect for anybody else. A root that may look into any process (CAP_PERFMON is enough) reads
    their environment past Landlock.
    """
    library = libc()
    if library is None:
        return
    header, sets = _CapabilityHeader(_CAPABILITY_VERSION, 0), (_Capabilities * 2)()
    if library.capget(ctypes.byref(header), sets):
        return
    for number in range(_LAST_CAPABILITY + 1):
        if not _CAPABILITIES_OF_FILES >> number & 1:
            _prctl(_CAPBSET_DROP, number)
    for place, each in enumerate(sets):
        each.permitted &= _CAPABILITIES_OF_FILES if place == 0 else 0
        each.effective &= each.permitted
        each.inheritable = 0
    library.capset(ctypes.byref(header), sets)


class _Undumpable:
    """Nested and concurrent blocks count; the last one gives back what there was before the
    first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks = 0
        self._before = 1

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        """Keep other processes of the same user from this one's memory, environment and open files
        (PR_SET_DUMPABLE) for the block. Meanwhile no debugger attaches and no core is dumped.
        """
        self._change(1)
        try:
            yield
        finally:
            self._change(-1)

    def _change(self, by: int) -> None:
        with self._lock:
            if not self._blocks:
                self._before = _prctl(_GET_DUMPABLE)
            self._blocks += by
            if self._blocks == 0 or (by > 0 and self._blocks == 1):
                _prctl(_SET_DUMPABLE, 0 if self._blocks else int(self._before == 1))


undumpable: Final = _Undumpable()


def _prctl(option: int, value: int = 0) -> int:
    library = libc()
    return -1 if library is None else int(library.prctl(option, ctypes.c_ulong(value), 0, 0, 0))
