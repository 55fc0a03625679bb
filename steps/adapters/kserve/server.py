"""KServe's Python model server round one predictor: its V1 and V2 protocols, with the model's
version on every answer. Started by the predictor's command.
"""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from kserve import InferInput, InferOutput, InferRequest, InferResponse, Model, ModelServer, model_server
from kserve.errors import InvalidInput, ModelNotFound
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.model_repository_extension import ModelRepositoryExtension

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.inference_log import REPLAY_HEADER, SERVED_BY_HEADER, VERSION_HEADER

LARGEST_BODY = 64 << 20  # bytes
_GRACE = 6  # seconds for the requests under way at a stop
_Scope = dict[str, Any]
_Receive = Callable[[], Awaitable[dict[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class PredictorAnswer:
    """One number per row, under the id by which the rows are logged."""

    id: str
    values: np.ndarray


class Predictor(Protocol):
    """A model as the server needs it. Both verbs raise BadInput for a fault of the request; they
    are called one at a time.
    """

    name: str
    version: str
    digest: str
    platform: str  # how the model was read, for the metadata

    def tensors(
        self, identity: str | None, tensors: Sequence[tuple[str, str, Sequence[int], Sequence[Any]]], role: str | None
    ) -> PredictorAnswer:
        """`tensors` are (name, datatype, shape, data); `role` None keeps the answer out of
        the log.
        """
        ...

    def instances(self, identity: str | None, instances: Any, role: str | None) -> PredictorAnswer: ...

    def role(self, stated: str | None) -> str:
        """champion or canary, from what the header of a request says."""
        ...

    def inputs(self) -> list[dict[str, Any]]:
        """Names, datatypes and shapes, for the metadata."""
        ...

    def counted(self, code: int, rows: int, seconds: float, replay: bool) -> None: ...

    def flush(self) -> Mapping[str, Any]:
        """Write the waiting part of the inference log."""
        ...


def serve(predictor: Predictor, *, host: str, port: int, started: Callable[[int], None], flushable: bool = False) -> None:
    """Answer until SIGTERM or SIGINT; then finish what is under way and return.

    `started` is told the port once it is open (port 0 takes a free one). `flushable` opens POST
    /modelmedic/flush, for one machine on which a reader waits for what was just asked.
    """
    app = model_server.app
    app.add_middleware(_Marked, predictor=predictor)
    app.add_exception_handler(BadInput, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    if flushable:

        async def flush() -> JSONResponse:
            return JSONResponse(await asyncio.to_thread(predictor.flush))

        app.add_api_route("/modelmedic/flush", flush, methods=["POST"], response_model=None)
    server = _Server(host, port, started)
    server.dataplane = _DataPlane(predictor, server.registered_models)
    server.model_repository_extension = _Closed(server.registered_models)
    for noisy in ("kserve.trace", "uvicorn.access"):  # a line per request each
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("kserve").addFilter(_ours)
    server.start([_Model(predictor)])


def _ours(record: logging.LogRecord) -> bool:
    """KServe logs a traceback for what a caller got wrong: enough of those would fill a disk."""
    return not (record.exc_info and isinstance(record.exc_info[1], InvalidInput | ModelNotFound | NotImplementedError))


class _Server(ModelServer):  # type: ignore[misc]
    """KServe's server on one address: upstream always listens on 0.0.0.0
    (kserve/protocol/rest/server.py, 0.21).
    """

    def __init__(self, host: str, port: int, started: Callable[[int], None]) -> None:
        super().__init__(http_port=port, enable_grpc=False, enable_latency_logging=False, grace_period=_GRACE)
        self._host = host
        self._started = started

    def register_signal_handler(self) -> None:
        """Ignore the signals: uvicorn stops at SIGTERM and raises it anew, and upstream's handler
        fails when that comes after the event loop has ended, while the log is still written.
        """
        for which in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            signal.signal(which, lambda *_: None)

    async def _serve(self) -> None:
        self._rest_server.config.host = self._host
        telling = asyncio.create_task(self._tell())
        await super()._serve()
        telling.cancel()

    async def _tell(self) -> None:
        uvicorn = self._rest_server._server
        while not uvicorn.started:
            await asyncio.sleep(0.005)
        self._started(uvicorn.servers[0].sockets[0].getsockname()[1])


class _DataPlane(DataPlane):  # type: ignore[misc]
    """Metadata that names the version and how the model was read."""

    def __init__(self, predictor: Predictor, registry: Any) -> None:
        super().__init__(model_registry=registry)
        self._predictor = predictor

    async def model_metadata(self, model_name: str) -> dict[str, Any]:
        found = await super().model_metadata(model_name)
        return {**found, "versions": [self._predictor.version], "platform": self._predictor.platform}

    def decode(self, *request: Any, **more: Any) -> Any:
        """V2's binary extension goes wrong in many ways, which KServe answers with 500."""
        try:
            return super().decode(*request, **more)
        except InvalidInput:
            raise
        except Exception as error:
            raise BadInput(f"request cannot be decoded: {type(error).__name__}: {str(error).splitlines()[0][:200]}") from error


class _Closed(ModelRepositoryExtension):  # type: ignore[misc]
    """KServe lets everybody who can ask for a prediction unload the model (POST
    /v2/repository/models/NAME/unload): not here.
    """

    async def load(self, model_name: str) -> None:
        raise BadInput(f"model {model_name[:60]!r} is not loaded by a request; a predictor serves the one it was started with")

    async def unload(self, model_name: str) -> None:
        raise BadInput(f"model {model_name[:60]!r} is not unloaded by a request; a predictor serves the one it was started with")


class _Model(Model):  # type: ignore[misc]
    """Ready from the start: the predictor has answered a prediction of its own before the port
    opens.
    """

    def __init__(self, predictor: Predictor) -> None:
        super().__init__(predictor.name, return_response_headers=True)
        self._predictor = predictor
        self._turns = ThreadPoolExecutor(max_workers=1, thread_name_prefix="predict")  # health and metrics answer meanwhile
        self.ready = True

    def get_input_types(self) -> list[dict[str, Any]]:
        return self._predictor.inputs()

    def get_output_types(self) -> list[dict[str, Any]]:
        return [{"name": "prediction", "datatype": "FP64", "shape": [-1]}]

    async def predict(self, payload: Any, headers: Mapping[str, str] | None = None, response_headers: dict[str, str] | None = None) -> Any:
        stated = headers or {}
        role = None if REPLAY_HEADER in stated else self._predictor.role(stated.get(SERVED_BY_HEADER))
        work = self._tensors if isinstance(payload, InferRequest) else self._instances
        return await asyncio.get_running_loop().run_in_executor(
            self._turns, work, payload, role, stated, response_headers if response_headers is not None else {}
        )

    def _tensors(self, asked: Any, role: str | None, stated: Mapping[str, str], response_headers: dict[str, str]) -> Any:
        answer = self._predictor.tensors(asked.id, [_tensor(each) for each in asked.inputs], role)
        response_headers[_ROWS] = str(len(answer.values))
        output = InferOutput(name="prediction", shape=[len(answer.values)], datatype="FP64", data=answer.values)
        return InferResponse(
            response_id=answer.id,
            model_name=self._predictor.name,
            model_version=self._predictor.version,
            infer_outputs=[output],
            parameters={"served_by": self._predictor.role(stated.get(SERVED_BY_HEADER)), "digest": self._predictor.digest},
            use_binary_outputs=asked.use_binary_outputs,
        )

    def _instances(self, asked: Any, role: str | None, stated: Mapping[str, str], response_headers: dict[str, str]) -> Any:
        if not isinstance(asked, dict):
            raise BadInput('request is no JSON object; expected {"instances": [...]}')
        identity = asked.get("id")
        answer = self._predictor.instances(str(identity) if identity is not None else None, asked.get("instances"), role)
        response_headers[_ROWS] = str(len(answer.values))
        return {
            "predictions": answer.values.tolist(),
            "id": answer.id,
            "model_name": self._predictor.name,
            "model_version": self._predictor.version,
            "served_by": self._predictor.role(stated.get(SERVED_BY_HEADER)),
        }


_ROWS = "x-modelmedic-rows"


def _tensor(tensor: InferInput) -> tuple[str, str, Sequence[int], Sequence[Any]]:
    if tensor.data is not None:
        return tensor.name, tensor.datatype, tensor.shape, tensor.data
    try:
        return tensor.name, tensor.datatype, tensor.shape, tensor.as_numpy().tolist()  # V2's binary extension
    except (ValueError, InvalidInput) as error:
        raise BadInput(f"tensor {tensor.name[:60]!r} does not fit its datatype and shape: {error}") from error


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": str(error)}, status_code=400)


async def _malformed(_request: Request, error: Exception) -> JSONResponse:
    first = error.errors()[0] if isinstance(error, RequestValidationError) and error.errors() else {"loc": (), "msg": str(error)}
    place = ".".join(str(part) for part in first["loc"][1:] if part != "InferenceRequest" and not str(part).isdigit()) or "the body"
    return JSONResponse({"error": f"request is no V2 inference request: {place}: {first['msg']}"}, status_code=400)


class _Marked:
    """Puts version and role on every answer, counts predictions, and refuses bodies that no request
    needs.
    """

    def __init__(self, app: Any, predictor: Predictor) -> None:
        self._app = app
        self._predictor = predictor

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stated = dict(scope["headers"])
        marks = self._marks(stated)
        seen = {"code": 500, "rows": 0}

        async def marked(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                seen["code"] = message["status"]
                headers = list(message.get("headers", ()))
                seen["rows"] = next((int(value) for name, value in headers if name == _ROWS.encode()), 0)
                message = {**message, "headers": [pair for pair in headers if pair[0] != _ROWS.encode()] + marks}
            await send(message)

        begun = perf_counter()
        try:
            if _length(stated) > LARGEST_BODY:
                await _too_large(scope, receive, marked)
            else:
                await self._app(scope, _bounded(receive), marked)
        finally:
            if scope["method"] == "POST" and scope["path"].endswith(("/infer", ":predict")):
                self._predictor.counted(seen["code"], seen["rows"], perf_counter() - begun, REPLAY_HEADER.encode() in stated)

    def _marks(self, stated: Mapping[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        role = self._predictor.role(stated.get(SERVED_BY_HEADER.encode(), b"").decode("latin-1") or None)
        return [(VERSION_HEADER.encode(), self._predictor.version.encode()), (SERVED_BY_HEADER.encode(), role.encode())]


def _length(stated: Mapping[bytes, bytes]) -> int:
    stated_length = stated.get(b"content-length", b"0")
    return int(stated_length) if stated_length.isdigit() else 0


def _bounded(receive: _Receive) -> _Receive:
    """A body sent in chunks states no length: it is counted as it comes."""
    seen = 0

    async def counted() -> dict[str, Any]:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > LARGEST_BODY:
            raise BadInput(_TOO_LARGE)
        return message

    return counted


_TOO_LARGE = f"request is larger than {LARGEST_BODY >> 20} MiB; expected fewer rows per request"


async def _too_large(scope: _Scope, receive: _Receive, send: _Send) -> None:
    await JSONResponse({"error": _TOO_LARGE}, status_code=413)(scope, receive, send)
