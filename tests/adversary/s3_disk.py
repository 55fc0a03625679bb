"""Heals on a real S3 server whose disk fills up at some write, and on one that answers late: the
same command, run again when there is room, finishes the work, and no record is missing.

The server is versitygw on a small disk in memory.
"""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import tenacity

from modelmedic.steps.adapters.store.s3 import S3Store
from modelmedic.steps.contracts.errors import ModelmedicError
from modelmedic.steps.contracts.ports import ObjectStore
from tests.adapters.store.s3_server import client
from tests.adversary.attack import HELD, Attack, Result, not_held, skipped
from tests.adversary.kills import SCENARIOS, DyingStore, at_process, fault_of, writes_of
from tests.fakes.programs import free_port

_GROUP = "s3_disk"
_PLAYED = (
    "a heal that deploys",
    "a heal whose canary is withdrawn",
    "a heal that rolls back",
    "a heal that sets rows aside",
    "an undo",
    "a sweep",
)
_EVERY = 3  # of a command's writes …
_PARTS = 3  # … in so many attacks
_LATE = (0.05,)  # seconds that each request is held back
_BUCKET = "modelmedic"
_DISK = "64m"  # holds the worlds of all tries
_MOUNTED = 'mount -t tmpfs -o size=$1 none "$2" && mkdir "$2/meta" "$2/top" && shift 2 && exec "$@"'


def attacks(seed: int) -> Iterator[Attack]:
    del seed  # every third write is tried
    for name in _PLAYED:
        made = SCENARIOS[name]
        for first in range(1, _EVERY * _PARTS, _EVERY):
            numbers = tuple(range(first, writes_of(made) + 1, _EVERY * _PARTS))
            what = f"{name}, the disk full at {len(numbers)} of its writes from {first} on"
            yield Attack(what, _GROUP, partial(_full, name, numbers), 300, tries=len(numbers))
        for late in _LATE:
            yield Attack(f"{name}, each request {late * 1000:.0f} ms late", _GROUP, partial(_slow, name, late), 180)


@dataclass
class _Server:
    """A running server; its disk is seen by nobody but itself, and reached through /proc."""

    process: subprocess.Popen[bytes]
    port: int
    disk: Path

    @property
    def ballast(self) -> Path:
        return Path(f"/proc/{self.process.pid}/root{self.disk}/ballast")

    def store(self, prefix: str, port: int | None = None) -> S3Store:
        """By another port, where there is another way to it."""
        return S3Store(client(f"http://127.0.0.1:{port or self.port}"), _BUCKET, prefix, pause=tenacity.wait_none())

    def fill(self) -> None:
        with suppress(OSError), self.ballast.open("ab", buffering=0) as file:
            while file.write(b"0" * 4096):
                pass

    def free(self) -> None:
        self.ballast.unlink(missing_ok=True)


@contextmanager
def _server(folder: Path) -> Iterator[_Server]:
    program, disk = shutil.which("versitygw"), folder / "disk"
    disk.mkdir()
    port = free_port()
    keys = {"ROOT_ACCESS_KEY": "test", "ROOT_SECRET_KEY": "test"}
    gateway = [program, "--port", f"127.0.0.1:{port}", "--quiet", "posix", "--sidecar", f"{disk}/meta", f"{disk}/top"]
    mounted = ["unshare", "--map-root-user", "--mount", "sh", "-c", _MOUNTED, "sh", _DISK, str(disk), *map(str, gateway)]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(mounted, stdout=log, stderr=log, env={**os.environ, **keys})
    try:
        server = _Server(process, port, disk)
        _ready(server)
        yield server
    finally:
        process.kill()
        process.wait()


def _ready(server: _Server) -> None:
    asked = client(f"http://127.0.0.1:{server.port}")
    for _ in range(100):
        with suppress(Exception):
            asked.create_bucket(Bucket=_BUCKET)
            return
        if server.process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError((server.disk.parent / "server.log").read_text()[-800:] or "versitygw does not answer")


def _why_not(folder: Path) -> str:
    if shutil.which("versitygw") is None:
        return "versitygw is not on PATH"
    if shutil.which("unshare") is None:
        return "unshare is not on PATH"
    tried = ["unshare", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs -o size=1m none "$0"', str(folder)]
    mounted = subprocess.run(tried, capture_output=True, check=False).returncode == 0
    return "" if mounted else "this machine lets nobody mount a disk in memory"


@dataclass
class _FillingStore(DyingStore):
    """The disk is full from just before the n-th write on; the process lives and is told so."""

    fill: Callable[[], None] = lambda: None

    def _write(self, action: Callable[[], str]) -> str:
        self.writes += 1
        if self.writes == self.dies_at:
            self.fill()
        return action()


def _full(name: str, numbers: tuple[int, ...], folder: Path) -> Result:
    if why := _why_not(folder):
        return skipped(why)
    with _server(folder) as server:
        for number in numbers:
            place = folder / f"{number}"
            place.mkdir()
            fault = _one_full(server, name, number, place)
            if fault:
                return not_held(f"the disk full at write {number}: {fault}")
    return HELD


def _one_full(server: _Server, name: str, number: int, place: Path) -> str:
    world = SCENARIOS[name](place)
    store = _moved(world.site.store, server, place.name)
    try:
        with suppress(ModelmedicError):
            world.command(at_process(world.site, _FillingStore(store, number, fill=server.fill)))
    finally:
        server.free()
    world.command(at_process(world.site, store))
    return fault_of(world, store)


def _slow(name: str, late: float, folder: Path) -> Result:
    if why := _why_not(folder):
        return skipped(why)
    with _server(folder) as server, _late(server.port, late) as port:
        world = SCENARIOS[name](folder)
        store = _moved(world.site.store, server, "slow")
        world.command(at_process(world.site, server.store("slow", port)))
        fault = fault_of(world, store)
    return not_held(fault) if fault else HELD


def _moved(old: ObjectStore, server: _Server, prefix: str) -> S3Store:
    """What the world's store holds, on the server."""
    store = server.store(prefix)
    for key in old.list(""):
        store.create(key, old.get(key).data)
    return store


@contextmanager
def _late(port: int, late: float) -> Iterator[int]:
    """The port of a way to the server on which every piece of a request is held back."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                caller, _ = listening.accept()
                server = socket.create_connection(("127.0.0.1", port))
                threading.Thread(target=_pump, args=(caller, server, late), daemon=True).start()
                threading.Thread(target=_pump, args=(server, caller, 0.0), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        listening.close()


def _pump(source: socket.socket, target: socket.socket, late: float) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            time.sleep(late)
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
