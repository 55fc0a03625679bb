"""Asks a predictor or a gateway over KServe's V2 protocol, one tensor per column; light enough for
any step.
"""

import http.client
import json
import math
import urllib.request
from collections.abc import Mapping
from time import perf_counter
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.errors import BadInput, Transient
from modelmedic.steps.contracts.inference_log import REPLAY_HEADER, VERSION_HEADER
from modelmedic.steps.contracts.serving import Prediction

_MADE_UP: Mapping[str, Any] = {"BYTES": "", "BOOL": False}


class Client:
    """One kept-alive connection to `url`; for one thread at a time."""

    def __init__(self, url: str, model: str, timeout: float = 30.0, headers: Mapping[str, str] | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise BadInput(f"predictor address is {url!r}; expected http://host:port")
        self._url = url
        self._headers = {"content-type": "application/json", **(headers or {})}
        self._path = f"{parts.path.rstrip('/')}/v2/models/{quote(model, safe='')}/infer"
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def ask(self, table: pa.Table, request_id: str | None = None, *, replay: bool = False) -> Prediction:
        """One number per row of `table`. Raises BadInput when the rows are refused, Transient when
        there is no answer.
        """
        body = json.dumps(request(table, request_id)).encode()
        headers = {**self._headers, **({REPLAY_HEADER: "true"} if replay else {})}
        begun = perf_counter()
        code, said, data = self._post(body, headers)
        latency = (perf_counter() - begun) * 1000
        if code != 200:
            raise self._error(code, data)
        try:
            answer = json.loads(data)
            values = tuple(float(value) for value in answer["outputs"][0]["data"])
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise Transient(
                f"{self._url} answered no V2 inference response ({type(error).__name__}); expected outputs with data"
            ) from error
        if len(values) != table.num_rows:
            raise Transient(f"{self._url} answered {len(values)} numbers to {table.num_rows} rows")
        digest = (answer.get("parameters") or {}).get("digest") or ""
        return Prediction(values, str(answer.get("model_version") or said.get(VERSION_HEADER, "")), latency, str(digest))

    def _post(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
        """A kept connection that the server has closed meanwhile is opened anew, once: asking twice
        changes nothing.
        """
        for kept in (self._connection.sock is not None, False):
            try:
                self._connection.request("POST", self._path, body=body, headers=dict(headers))
                response = self._connection.getresponse()
                return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
            except (http.client.HTTPException, OSError) as error:
                self._connection.close()
                if not kept or isinstance(error, TimeoutError):
                    raise Transient(f"{self._url} does not answer: {type(error).__name__}: {error}") from error
        raise AssertionError("not reached: the second round either answers or raises")

    def _error(self, code: int, data: bytes) -> Exception:
        try:
            plain = json.loads(data)
            said = str(plain.get("error", plain)) if isinstance(plain, dict) else str(plain)
        except ValueError:
            said = data[:200].decode(errors="replace")
        sentence = f"{self._url} answered {code}: {said}"
        return BadInput(sentence) if 400 <= code < 500 else Transient(sentence)


def ask(url: str, model: str, table: pa.Table, request_id: str | None = None, *, replay: bool = False) -> Prediction:
    """`Client.ask` on a connection of its own."""
    with Client(url, model) as client:
        return client.ask(table, request_id, replay=replay)


def made_up_rows(url: str, model: str, timeout: float = 10.0) -> pa.Table:
    """One row of what the predictor's V2 metadata says that it takes. Raises Transient."""
    address = f"{url}/v2/models/{quote(model, safe='')}"
    try:
        with urllib.request.urlopen(address, timeout=timeout) as response:
            inputs = json.load(response)["inputs"]
        return pa.table({str(each["name"]): [_MADE_UP.get(str(each["datatype"]), 0.0)] for each in inputs})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Transient(f"{address} does not say what its model takes: {type(error).__name__}: {error}") from error


def request(table: pa.Table, request_id: str | None = None) -> dict[str, Any]:
    """The V2 request: numbers as FP64 or INT64, truth values as BOOL, everything else as text; null
    where there is no value.
    """
    inputs = [_tensor(name, column) for name, column in zip(table.column_names, table.columns, strict=True)]
    return {**({"id": request_id} if request_id is not None else {}), "inputs": inputs}


def _tensor(name: str, column: pa.ChunkedArray) -> dict[str, Any]:
    datatype, data = _typed(column)
    return {"name": name, "shape": [len(data)], "datatype": datatype, "data": data}


def _typed(column: pa.ChunkedArray) -> tuple[str, list[Any]]:
    kind = column.type
    if pa.types.is_integer(kind):
        return "INT64", column.to_pylist()
    if pa.types.is_floating(kind) or pa.types.is_null(kind):
        return "FP64", [None if value is None or math.isnan(value) else value for value in column.to_pylist()]
    if pa.types.is_boolean(kind):
        return "BOOL", column.to_pylist()
    if pa.types.is_timestamp(kind):
        return "BYTES", [None if value is None else value.isoformat() for value in column.to_pylist()]
    return "BYTES", pc.cast(column, pa.string()).to_pylist()
