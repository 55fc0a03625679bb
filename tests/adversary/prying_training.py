"""Training functions that look for records and credentials, and for the processes above them. What
they try stands in `targets.json` of the current folder; what worked stands in the error that they
raise, or that nothing did.
"""

import contextlib
import ctypes
import json
import mmap
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

SECRET: Final = "planted-secret-8c1f"


def files(frame: Any, policy: Any) -> Any:
    """Try every way to a file."""
    del frame, policy
    target = Path(json.loads(Path("targets.json").read_text())["file"])
    raise RuntimeError(_tried(_WAYS, target))


def processes(frame: Any, policy: Any) -> Any:
    """Try every way to the processes above."""
    del frame, policy
    worked = [f"{pid}: {words}" for pid in _above() for words in _worked(_MEANS, pid)]
    raise RuntimeError(_said(worked, len(_MEANS) * len(list(_above()))))


def surroundings(frame: Any, policy: Any) -> Any:
    """Look at what was inherited, and at the network."""
    del frame, policy
    raise RuntimeError(_tried(_SURROUNDINGS, json.loads(Path("targets.json").read_text())))


def _tried(ways: dict[str, Callable[[Any], bool]], target: Any) -> str:
    return _said(_worked(ways, target), len(ways))


def _said(worked: list[str], tried: int) -> str:
    return f"worked: {'; '.join(worked)}" if worked else f"nothing of {tried} worked"


def _worked(ways: dict[str, Callable[[Any], bool]], target: Any) -> list[str]:
    found = []
    for words, way in ways.items():
        with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
            if way(target):
                found.append(words)
    return found


def _own(name: str) -> Path:
    return Path(os.environ["HOME"], name)


def _holds(path: Path) -> bool:
    return SECRET.encode() in path.read_bytes()


def _linked(target: Path) -> bool:
    _own("hard").unlink(missing_ok=True)
    _own("hard").hardlink_to(target)
    return _holds(_own("hard"))


def _pointed(target: Path) -> bool:
    _own("soft").unlink(missing_ok=True)
    _own("soft").symlink_to(target)
    return _holds(_own("soft"))


def _below(target: Path) -> bool:
    folder = os.open(target.parent, os.O_PATH)
    return SECRET.encode() in os.read(os.open(target.name, os.O_RDONLY, dir_fd=folder), 1 << 16)


def _reopened(target: Path) -> bool:
    handle = os.open(target, os.O_PATH)
    return _holds(Path(f"/proc/self/fd/{handle}"))


def _mapped(target: Path) -> bool:
    with target.open("rb") as file:
        return SECRET.encode() in mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)[:]


def _by_program(target: Path) -> bool:
    return SECRET in subprocess.run(["cat", str(target)], capture_output=True, text=True, check=True, timeout=10).stdout


def _changed(flags: int) -> Callable[[Path], bool]:
    def change(target: Path) -> bool:
        os.close(os.open(target, flags))
        return True

    return change


def _moved(target: Path) -> bool:
    target.rename(_own("moved"))
    return True


def _replaced(target: Path) -> bool:
    _own("fresh").write_text("forged")
    _own("fresh").replace(target)
    return True


def _beside(target: Path) -> bool:
    (target.parent / "forged.json").write_text("forged")
    return True


def _folder(target: Path) -> bool:
    (target.parent / "forged").mkdir()
    return True


def _removed(target: Path) -> bool:
    target.unlink()
    return True


def _pipe(target: Path) -> bool:
    os.mkfifo(target.parent / "pipe")
    return True


_WAYS: Final[dict[str, Callable[[Path], bool]]] = {
    "read": _holds,
    "read by the root of a process above": lambda target: _holds(Path(f"/proc/{os.getppid()}/root{target}")),
    "read by its own root": lambda target: _holds(Path(f"/proc/self/root{target}")),
    "read by its own working folder": lambda target: _holds(Path("/proc/self/cwd", os.path.relpath(target))),
    "read by a hard link": _linked,
    "read by a link": _pointed,
    "read below its folder": _below,
    "read by a handle that was opened again": _reopened,
    "mapped into memory": _mapped,
    "read by another program": _by_program,
    "opened to write": _changed(os.O_WRONLY),
    "opened to append": _changed(os.O_WRONLY | os.O_APPEND),
    "opened to read and write": _changed(os.O_RDWR),
    "a forged file beside it": _beside,
    "a folder beside it": _folder,
    "a pipe beside it": _pipe,
    "replaced": _replaced,
    "moved": _moved,
    "emptied": _changed(os.O_WRONLY | os.O_TRUNC),
    "emptied by its path": lambda target: os.truncate(target, 0) is None,
    "removed": _removed,
}  # fmt: skip


def _above() -> Iterator[int]:
    """The supervisor, the program and what started it."""
    pid = os.getpid()
    for _ in range(3):
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        if pid <= 1:
            return
        yield pid


_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_PTRACE_SEIZE: Final = 0x4206
_PTRACE_DETACH: Final = 17


def _traced(pid: int) -> bool:
    if _LIBC.ptrace(ctypes.c_long(_PTRACE_SEIZE), ctypes.c_long(pid), None, None):
        return False
    _LIBC.ptrace(ctypes.c_long(_PTRACE_DETACH), ctypes.c_long(pid), None, None)
    return True


def _memory(pid: int) -> bool:
    os.close(os.open(f"/proc/{pid}/mem", os.O_RDONLY))
    return True


def _names(folder: str) -> list[str]:
    return [each.name for each in Path(folder).iterdir()]


def _descriptor(pid: int) -> bool:
    os.close(os.open(f"/proc/{pid}/fd/0", os.O_RDONLY | os.O_NONBLOCK))
    return True


def _descriptors(pid: int) -> bool:
    return any(Path(f"/proc/{pid}/fd", name).readlink() for name in _names(f"/proc/{pid}/fd"))


def _signalled(number: int) -> Callable[[int], bool]:
    return lambda pid: os.kill(pid, number) is None


def _by_descriptor(pid: int) -> bool:
    signal.pidfd_send_signal(os.pidfd_open(pid), 0)
    return True


_MEANS: Final[dict[str, Callable[[int], bool]]] = {
    "its environment": lambda pid: bool(Path(f"/proc/{pid}/environ").read_bytes()),
    "its environment, where the secret is": lambda pid: _holds(Path(f"/proc/{pid}/environ")),
    "its memory": _memory,
    "its map": lambda pid: bool(Path(f"/proc/{pid}/maps").read_bytes()),
    "its files": _descriptors,
    "its working folder": lambda pid: bool(Path(f"/proc/{pid}/cwd").readlink()),
    "a tracer": _traced,
    "the signal that asks nothing": _signalled(0),
    "the signal to go on": _signalled(signal.SIGCONT),
    "a signal by a descriptor": _by_descriptor,
    "its first descriptor": _descriptor,
}


def _connected(targets: dict[str, Any]) -> bool:
    with socket.create_connection(("127.0.0.1", targets["port"]), timeout=5):
        return True


def _bound(_targets: dict[str, Any]) -> bool:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return True


def _abstract(targets: dict[str, Any]) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"\0{targets['abstract']}")
        return True


def _inherited(_targets: dict[str, Any]) -> bool:
    """Whether a descriptor of the parent's is open; those that are gone belong to the listing."""
    return any(_is_open(int(name)) for name in _names("/proc/self/fd") if int(name) > 2)


def _is_open(number: int) -> bool:
    try:
        found = Path(f"/proc/self/fd/{number}").readlink()
    except FileNotFoundError:
        return False
    return found.is_absolute() and found.exists() and "/proc/" not in str(found) and SECRET in found.read_text(errors="replace")


def _gained(_targets: dict[str, Any]) -> bool:
    """Whether a program may still gain rights, as by setuid."""
    return "NoNewPrivs:\t1" not in Path("/proc/self/status").read_text()


_SURROUNDINGS: Final[dict[str, Callable[[dict[str, Any]], bool]]] = {
    "a secret in its environment": lambda _: SECRET in str(os.environ) or _holds(Path("/proc/self/environ")),
    "a connection to a service of this machine": _connected,
    "a port of its own": _bound,
    "a socket without a file": _abstract,
    "a descriptor of its parent's": _inherited,
    "rights by setuid": _gained,
    "a core of its memory": lambda _: resource.getrlimit(resource.RLIMIT_CORE)[0] != 0,
    "input from the terminal": lambda _: bool(os.read(0, 1)),
}
