"""Landlock: a process gives up, for itself and all that it will start, every file but the named
ones, and cannot take it back (Linux 5.13; docs.kernel.org/userspace-api/landlock.html).
"""

import ctypes
import os
import stat
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from modelmedic.steps.adapters.linux.prctl import forbid_new_privileges, libc

_CREATE_RULESET: Final = 444  # the same number on every architecture
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_VERSION: Final = 1
_PATH_BENEATH: Final = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = (1 << bit for bit in range(4))
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
READ: Final = _EXECUTE | _READ_FILE | _READ_DIR
LIST: Final = _READ_DIR
DEVICE: Final = _READ_FILE | _WRITE_FILE | _READ_DIR | _IOCTL_DEV
WRITE: Final = (1 << 16) - 1 & ~(1 << 6 | 1 << 11)  # everything but devices of its own
_OF_FILES: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_HANDLED: Final = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}  # rights on files by version
_ALL: Final = (1 << 16) - 1

WITH_NETWORK: Final = 4  # the version that first knows TCP
WITH_SIGNALS: Final = 6  # the version that first knows signals and abstract sockets
_TCP: Final = 0b11  # bind and connect
_SCOPED: Final = 0b11  # abstract sockets and signals


@dataclass(frozen=True, slots=True)
class Allowed:
    """The rights on each path and what lies below it. With `network`, TCP stays open."""

    paths: list[tuple[Path, int]] = field(default_factory=list)
    network: bool = False


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("parent", ctypes.c_int32))


@cache
def version() -> int:
    """The version of Landlock that this kernel offers; 0 for none."""
    library = libc()
    found = -1 if library is None else int(library.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION)))
    return max(found, 0)


def restrict(allowed: Allowed) -> int:
    """Give up everything but what is allowed; the version in force, 0 when the kernel has none.

    Holds for the calling thread and what it starts: call it before there is a second thread. Raises
    OSError when the kernel refuses.
    """
    if not version():
        return 0
    handled = _HANDLED.get(version(), _ALL)
    ruleset = _ruleset(handled, allowed.network)
    try:
        for path, rights in allowed.paths:
            _allow(ruleset, path, rights & handled)
        forbid_new_privileges()
        _call(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)
    return version()


def _ruleset(handled: int, network: bool) -> int:
    attributes = _Ruleset(handled, 0 if network or version() < WITH_NETWORK else _TCP, _SCOPED if version() >= WITH_SIGNALS else 0)
    size = 8 if version() < WITH_NETWORK else 16 if version() < WITH_SIGNALS else 24
    return _call(_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), ctypes.c_uint32(0))


def _allow(ruleset: int, path: Path, rights: int) -> None:
    """Does nothing for a path that is not there or may not be reached: it stays closed."""
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(opened).st_mode):
            rights &= _OF_FILES
        if rights:
            rule = _PathBeneath(rights, opened)
            _call(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), ctypes.byref(rule), ctypes.c_uint32(0))
    finally:
        os.close(opened)


def _call(number: int, *arguments: object) -> int:
    answer = int(libc().syscall(number, *arguments))  # type: ignore[union-attr]  # there is a version, so there is a library
    if answer < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"Landlock: {os.strerror(code)}")
    return answer
