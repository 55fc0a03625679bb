"""The stable address of a model on one machine: splits the traffic between champion and canary, and
counts their answers.

A separate process (`python -m modelmedic.steps.adapters.local_serving.gateway`) that reads the
serving document on demand and once a second. A request that the canary fails is sent to the
champion, so that callers never see a failing canary; it counts as the canary's failure when the
champion does better. A request that finds its predictor gone is sent again by the routes of that
moment.
"""

import argparse
import asyncio
import json
import os
import signal
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from zlib import crc32

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, web

from modelmedic.steps.adapters.local_serving.processes import Processes
from modelmedic.steps.adapters.local_serving.state import LocalState, PredictorSlot, StateFile
from modelmedic.steps.adapters.streams import redact_output
from modelmedic.steps.contracts.errors import ModelmedicError
from modelmedic.steps.contracts.inference_log import REPLAY_HEADER, SERVED_BY_HEADER
from modelmedic.steps.core.rollout.routing import to_canary
from modelmedic.steps.core.statistics.latency import p95

OWN = "/modelmedic/"  # paths that the gateway answers itself
LARGEST_BODY = 64 << 20  # bytes, as the predictor
# A workspace's own ports lie below those that systems lend to any connection (from 32768 or 49152
# on): while the gateway is stopped, its port is lent to nobody.
_LOWEST_PORT: Final = 18_000
_PORTS: Final = 2_000
_TRIED: Final = 20
_PATIENCE = 10.0  # seconds that a request waits for a champion that is being restarted
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "host", "content-length", "expect"})


@dataclass
class ProcessCounts:
    """Requests of one predictor process, without replays."""

    requests: int = 0
    failures: int = 0
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=500))  # ms

    def add(self, answer: "GatewayResponse | None", failed: bool) -> None:
        self.requests += 1
        self.failures += failed
        if answer is not None:
            self.latencies.append(answer.latency_ms)

    def plain(self) -> dict[str, Any]:
        return {"requests": self.requests, "failures": self.failures, "latency_p95_ms": p95(self.latencies)}


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    latency_ms: float


@dataclass(frozen=True, slots=True)
class GatewayRequest:
    """A request that can be sent more than once."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def predicts(self) -> bool:
        return self.method == "POST" and self.path.partition("?")[0].endswith(("/infer", ":predict"))

    @property
    def replayed(self) -> bool:
        return any(name.lower() == REPLAY_HEADER for name, _ in self.headers)


class Gateway:
    """Routes of one serving root; `session` keeps connections to the predictors."""

    def __init__(self, root: Path, session: ClientSession) -> None:
        self._state = StateFile(root)
        self._processes = Processes(root / "processes")
        self._session = session
        self._wanted = LocalState()
        self._urls: dict[str, str] = {}
        self._counts: dict[str, ProcessCounts] = {}
        self._number = -1
        self.reload()

    def reload(self) -> int:
        """Take over the routes of the document; its generation."""
        wanted = self._state.read()
        said = {slot.name: self._processes.announced(slot.name) for slot in wanted.slots}
        self._urls = {name: f"http://127.0.0.1:{it.port}" for name, it in said.items() if it is not None and it.port}
        if (wanted.canary, wanted.percent) != (self._wanted.canary, self._wanted.percent):
            self._number = -1  # a share is counted from the moment that it is set
        self._counts = {slot.name: self._counts.get(slot.name, ProcessCounts()) for slot in wanted.slots}
        self._wanted = wanted
        return wanted.generation

    async def watch(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            try:
                self.reload()
            except (ModelmedicError, OSError):  # the routes that are known stay
                continue

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith(OWN):
            return self._own(request)
        if (request.content_length or 0) > LARGEST_BODY:
            return _error(413, f"request is larger than {LARGEST_BODY >> 20} MiB")
        headers = tuple((n, v) for n, v in request.headers.items() if n.lower() not in _HOP and n.lower() != SERVED_BY_HEADER)
        asked = GatewayRequest(request.method, request.raw_path, headers, await request.read())
        answer = await (self._predict(asked) if asked.predicts else self._champion(asked))
        if answer is None:
            return _error(503, "no predictor answers; `modelmedic` starts it again at its next command")
        return web.Response(status=answer.status, headers=_multi(answer.headers), body=answer.body)

    def _own(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "POST" and request.path == f"{OWN}reload":
            return web.json_response({"generation": self.reload()})
        if request.method == "GET" and request.path == f"{OWN}traffic":
            return web.json_response({name: counts.plain() for name, counts in self._counts.items()})
        return _error(404, f"there is no {request.path}")

    async def _predict(self, asked: GatewayRequest) -> GatewayResponse | None:
        canary = self._wanted.canary
        if not asked.replayed:
            self._number += 1
        if canary is None or asked.replayed or not to_canary(self._number, self._wanted.percent):
            return await self._champion(asked, count=not asked.replayed)
        first = await self._send(asked, canary, "canary")
        if first is not None and first.status < 400:
            self._count(canary, first, failed=False)
            return first
        second = await self._champion(asked, count=True)
        better = second is not None and second.status < 400
        self._count(canary, first, failed=better or first is None or first.status >= 500)
        return second if better or first is None else first

    async def _champion(self, asked: GatewayRequest, *, count: bool = False) -> GatewayResponse | None:
        """The answer of the current champion; a request that finds it gone waits a little for its
        return.
        """
        until = time.monotonic() + _PATIENCE
        while True:
            slot = self._wanted.champion
            answer = await self._send(asked, slot, "champion") if slot is not None else None
            if answer is not None or slot is None or time.monotonic() > until:
                break
            await asyncio.sleep(0.1)
            self.reload()
        if count and slot is not None:
            self._count(slot, answer, failed=answer is None or answer.status >= 500)
        return answer

    def _count(self, slot: PredictorSlot, answer: GatewayResponse | None, *, failed: bool) -> None:
        self._counts.setdefault(slot.name, ProcessCounts()).add(answer, failed)

    async def _send(self, asked: GatewayRequest, slot: PredictorSlot, role: str) -> GatewayResponse | None:
        """None when the predictor cannot be reached or hangs up."""
        url = self._urls.get(slot.name)
        if url is None:
            return None
        begun = time.perf_counter()
        headers = _multi((*asked.headers, (SERVED_BY_HEADER, role)))
        try:
            async with self._session.request(
                asked.method, _whole(url, asked.path), headers=headers, data=asked.body, allow_redirects=False
            ) as response:
                body = await response.read()
        except (ClientError, OSError, TimeoutError):
            return None
        kept = tuple((n, v) for n, v in response.headers.items() if n.lower() not in _HOP)
        return GatewayResponse(response.status, kept, body, (time.perf_counter() - begun) * 1000)


def _whole(url: str, path: str) -> Any:
    from yarl import URL

    return URL(url + path, encoded=True)


def _multi(headers: Sequence[tuple[str, str]]) -> Any:
    from multidict import CIMultiDict

    return CIMultiDict(headers)


def _error(status: int, sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=status)


async def run(root: Path, port: int, announce: Path) -> None:
    """Answer until SIGTERM, on the earlier port where that is free."""
    ended = asyncio.Event()
    for which in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(which, ended.set)
    async with ClientSession(
        connector=TCPConnector(limit=0, keepalive_timeout=30), timeout=ClientTimeout(total=60), auto_decompress=False
    ) as session:
        gateway = Gateway(root, session)
        runner = web.ServerRunner(web.Server(gateway.handle, access_log=None))
        await runner.setup()
        site = await _listening(runner, _ports(root, port))
        watching = asyncio.create_task(gateway.watch())
        fresh = announce.with_name(f".{announce.name}.{os.getpid()}")
        fresh.write_text(json.dumps({"pid": os.getpid(), "port": site}))
        fresh.replace(announce)
        await ended.wait()
        watching.cancel()
        await runner.cleanup()


def _ports(root: Path, earlier: int) -> tuple[int, ...]:
    """The ports to try: the earlier one, some of the workspace's own, then any that is free."""
    first = crc32(str(root).encode())
    own = (_LOWEST_PORT + (first + number) % _PORTS for number in range(_TRIED))
    return (*((earlier,) if earlier else ()), *own, 0)


async def _listening(runner: web.ServerRunner, ports: Sequence[int]) -> int:
    for wanted in ports:
        try:
            await web.TCPSite(runner, "127.0.0.1", wanted, shutdown_timeout=5.0).start()
        except OSError:
            if wanted == 0:
                raise
        else:
            break
    address: Mapping[int, Any] | Any = runner.addresses[0]
    return int(address[1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m modelmedic.steps.adapters.local_serving.gateway", description="One address for champion and canary."
    )
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--announce", type=Path, required=True)
    said = parser.parse_args()
    redact_output()
    asyncio.run(run(said.root, said.port, said.announce))
