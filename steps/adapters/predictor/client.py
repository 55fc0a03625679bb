"""The client of a predictor or a gateway: KServe's V2 protocol with one tensor per column; light
enough for any step.
"""

import json
import math
from collections.abc import Mapping
from time import perf_counter
from types import TracebackType
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.adapters.http import HttpClient, Response, said
from modelmedic.steps.contracts.errors import BadInput, ModelmedicError, Transient
from modelmedic.steps.contracts.inference_log import REPLAY_HEADER, VERSION_HEADER
from modelmedic.steps.contracts.serving import Prediction

_NAME = "the predictor"  # in errors
_MADE_UP: Mapping[str, Any] = {"BYTES": "", "BOOL": False}


class PredictorClient:
    """One kept-alive connection to `url`; for one thread at a time."""

    def __init__(self, url: str, model: str, timeout: float = 30.0, headers: Mapping[str, str] | None = None) -> None:
        if not url.startswith("http://"):
            raise BadInput(f"predictor address is {url!r}; expected http://host:port")
        self._path = f"/v2/models/{quote(model, safe='')}/infer"
        self._client = HttpClient(
            url, _NAME, connect=timeout, answer=timeout, headers={"content-type": "application/json", **(headers or {})}
        )

    def __enter__(self) -> "PredictorClient":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def ask(self, table: pa.Table, request_id: str | None = None, *, replay: bool = False) -> Prediction:
        """One number per row of `table`. Raises BadInput when the rows are refused, Transient when
        there is no answer.
        """
        body = json.dumps(request(table, request_id)).encode()
        headers = {REPLAY_HEADER: "true"} if replay else {}
        begun = perf_counter()
        response = self._client.send("POST", self._path, body, headers, repeatable=True)
        latency = (perf_counter() - begun) * 1000
        if response.status != 200:
            raise self._refusal(response)
        try:
            answer = json.loads(response.body)
            values = tuple(float(value) for value in answer["outputs"][0]["data"])
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise Transient(
                f"{self._client.address} answered no V2 inference response ({type(error).__name__}); expected outputs with data"
            ) from error
        if len(values) != table.num_rows:
            raise Transient(f"{self._client.address} answered {len(values)} numbers to {table.num_rows} rows")
        digest = (answer.get("parameters") or {}).get("digest") or ""
        return Prediction(values, str(answer.get("model_version") or response.headers.get(VERSION_HEADER, "")), latency, str(digest))

    def _refusal(self, response: Response) -> Exception:
        """The error of an answer other than 200, in the words of the protocol's `error`."""
        try:
            plain = json.loads(response.body)
            words = str(plain.get("error", plain)) if isinstance(plain, dict) else str(plain)
        except ValueError:
            words = said(response.body)
        sentence = f"{self._client.address} answered {response.status}: {words}"
        return BadInput(sentence) if 400 <= response.status < 500 else Transient(sentence)


def ask(url: str, model: str, table: pa.Table, request_id: str | None = None, *, replay: bool = False) -> Prediction:
    """`PredictorClient.ask` on a connection of its own."""
    with PredictorClient(url, model) as client:
        return client.ask(table, request_id, replay=replay)


def made_up_rows(url: str, model: str, timeout: float = 10.0) -> pa.Table:
    """One row of the inputs that the predictor's V2 metadata names. Raises Transient."""
    with HttpClient(url, _NAME, connect=timeout, answer=timeout) as client:
        try:
            inputs = client.call_json("GET", f"/v2/models/{quote(model, safe='')}")["inputs"]
            return pa.table({str(each["name"]): [_MADE_UP.get(str(each["datatype"]), 0.0)] for each in inputs})
        except (ModelmedicError, KeyError, TypeError) as error:
            raise Transient(f"the predictor at {url} does not say what its model takes: {error}") from error


def metrics_page(url: str) -> str:
    """The text of a predictor's /metrics. Raises Transient."""
    with HttpClient(url, _NAME) as client:
        try:
            return client.call("GET", "/metrics").body.decode()
        except (ModelmedicError, ValueError) as error:
            raise Transient(f"the counters of a predictor cannot be read: {error}") from error


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
