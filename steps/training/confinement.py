"""The files that a user's code may reach: its interpreter, its packages, the system's libraries,
the rows that it was given and its own folder. Whatever else this user owns stays closed to it,
records and credentials among them, where the kernel has Landlock.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from modelmedic.steps.adapters.linux.landlock import DEVICE, LIST, READ, WITH_NETWORK, WITH_SIGNALS, WRITE, Allowed, restrict, version
from modelmedic.steps.adapters.linux.prctl import drop_capabilities

_SYSTEM: Final = (
    "/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/nix/store", "/gnu/store", "/opt/rocm", "/opt/intel", "/proc",
    "/sys/devices", "/sys/class", "/sys/bus", "/sys/fs/cgroup", "/sys/kernel/mm", "/run/systemd/resolve", "/var/cache/fontconfig",
    *(f"/etc/{name}" for name in (
        "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "timezone", "passwd", "group", "nsswitch.conf", "hosts", "host.conf",
        "resolv.conf", "gai.conf", "ssl/certs", "ssl/openssl.cnf", "ca-certificates", "pki/tls/certs", "pki/ca-trust", "fonts",
        "mime.types", "os-release", "machine-id", "alternatives", "OpenCL",
    )),
)  # fmt: skip
_DEVICES: Final = ("null", "zero", "full", "random", "urandom", "nvidia*", "kfd", "dri")
_PROGRAM: Final = Path(__file__).parents[2]
_MLFLOW: Final = frozenset({"mlflow.db", "mlruns", "mlartifacts"})  # where MLflow keeps a registry unless it is told another place


@dataclass(frozen=True, slots=True)
class Needs:
    """What a child needs beside its interpreter and its packages. `hidden` lies among the packages
    and stays closed; `network` leaves TCP open.
    """

    reads: Sequence[Path] = ()
    writes: Sequence[Path] = ()
    hidden: Sequence[Path] = ()
    network: bool = False


def confine(needs: Needs) -> str:
    """Close everything else to this process and all that it starts; one sentence on what holds now.
    Has to be called before there is a second thread.
    """
    drop_capabilities()
    try:
        restrict(Allowed(_paths(needs), needs.network))
    except OSError as error:
        return f"not confined: {error}"
    return describe(needs.network)


def describe(network: bool = False) -> str:
    """One sentence on what this kernel keeps from a training."""
    if not version():
        return "not confined: this system has no Landlock, so that it reads what its user may read"
    kept = ["files that are not its own"]
    kept += ["TCP"] if version() >= WITH_NETWORK and not network else []
    kept += ["signals to other processes"] if version() >= WITH_SIGNALS else []
    return f"confined by Landlock (version {version()}), which keeps from it: {', '.join(kept)}"


def _paths(needs: Needs) -> list[tuple[Path, int]]:
    hidden = [path.resolve() for path in (*needs.hidden, *needs.writes)]
    reads = [*map(Path, _SYSTEM), *_interpreter(), *needs.reads]
    devices = [path for name in _DEVICES for path in Path("/dev").glob(name)]
    found = [(path, READ) for path in reads] + [(path, DEVICE) for path in devices]
    found += [(path, WRITE) for path in (*needs.writes, Path("/dev/shm"))]  # multiprocessing keeps its locks in /dev/shm
    for place in _packages(reads):
        found += _beside(place, [path for path in hidden if not place.resolve().is_relative_to(path)])
    return found


def _interpreter() -> Iterator[Path]:
    for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}:
        yield Path(prefix)
    yield Path(sys.executable).resolve().parent.parent


def _packages(known: Sequence[Path]) -> Iterator[Path]:
    """The folders that packages are imported from, beside those that are known."""
    editable = [path for finder in sys.meta_path for path in _mapped(finder)]
    ours = [path.resolve() for path in (_PROGRAM, *_PROGRAM.iterdir())]  # parts of a checkout are links
    for path in dict.fromkeys([*(Path(entry or ".").absolute() for entry in sys.path), *editable, *ours]):
        if not any(path.is_relative_to(other) for other in known):
            yield path


def _mapped(finder: Any) -> list[Path]:
    """The folders of packages that setuptools installed as editable."""
    module = sys.modules.get(getattr(finder, "__module__", ""))
    mapping = getattr(module, "MAPPING", None)
    return [Path(path) for path in mapping.values() if isinstance(path, str)] if isinstance(mapping, dict) else []


def _beside(place: Path, hidden: Sequence[Path]) -> Iterator[tuple[Path, int]]:
    """Rules for what lies in the place, without hidden paths and without what begins with a dot,
    such as `.env`, `.git` or our own workspace: no module does. Of a folder that holds something
    hidden, names can be listed.
    """
    if not place.is_dir():
        yield place, READ
        return
    yield place, LIST
    try:
        entries = [Path(entry.path) for entry in os.scandir(place) if not entry.name.startswith(".") and entry.name not in _MLFLOW]
    except OSError:
        return
    for entry in entries:
        real = entry.resolve()
        if any(real.is_relative_to(path) for path in hidden):
            continue
        if any(path.is_relative_to(real) for path in hidden):
            yield from _beside(real, hidden)
        else:
            yield real, READ
