"""The predictor itself, KServe's model server over a real model: started once, asked over both
protocols, stopped by SIGTERM.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from modelmedic.steps.adapters.clocks import SystemClock
from modelmedic.steps.adapters.predictor.client import PredictorClient
from modelmedic.steps.adapters.store.folder import FolderStore
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.data.windows import LoggedWindows
from modelmedic.steps.predictor.command import main
from tests.worlds.serving import policy
from tests.worlds.sklearn_folder import trained, write

DAY = datetime(2013, 6, 1, tzinfo=UTC)
ROWS = pa.table({"x": [0.5, -0.5], "c": ["a", "zz"], "at": [DAY, DAY + timedelta(hours=1)]})
INFER = "/v2/models/tiny/infer"


@dataclass
class Predictor:
    process: subprocess.Popen[bytes]
    port: int
    store: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def call(self, method: str, path: str, plain: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        body = plain if isinstance(plain, str) else json.dumps(plain)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body if plain is not None else None, {"content-type": "application/json"} | named)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        found = {name.lower(): value for name, value in response.getheaders()}
        return response.status, json.loads(text) if "json" in found.get("content-type", "") else text, found

    def logged(self, day: datetime) -> list[dict[str, Any]]:
        """The rows of a day, as the monitor reads them."""
        self.call("POST", "/modelmedic/flush")
        windows = LoggedWindows(FolderStore(self.store), policy(), SystemClock())
        return list(windows.table(Window(day, day + timedelta(days=1))).to_pylist())

    def metric(self, name: str) -> float:
        lines = self.call("GET", "/metrics")[1].splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def start(root: Path, folder: Path, *more: str) -> tuple[subprocess.Popen[bytes], Path]:
    announce = root / "announce.json"
    options = {
        "model-name": "tiny",
        "model-dir": folder,
        "version": "7",
        "digest": "abc",
        "task": "binary",
        "port": 0,
        "announce": announce,
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    with (root / "output.log").open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "modelmedic.steps.predictor", *flags, *more], stderr=output, stdout=output)
    until = time.monotonic() + 60
    while not announce.exists() and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.02)  # another process's start: there is nothing to wait on
    return process, announce


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Predictor]:
    root = tmp_path_factory.mktemp("predictor")
    folder, store = write(root / "model", trained()), root / "store"
    columns = ("--time-column=at", "--numeric=x", "--categorical=c")
    log = (f"--log-store={store}", "--log-seconds=3600", "--role-from-header", "--flushable")
    process, announce = start(root, folder, *columns, *log)
    assert process.poll() is None, (root / "output.log").read_text()
    yield Predictor(process, json.loads(announce.read_text())["port"], store)
    process.kill()
    process.wait()


def test_both_protocols_answer_one_number_per_row_and_name_the_version(predictor: Predictor) -> None:
    with PredictorClient(predictor.url, "tiny") as client:
        answer = client.ask(ROWS)
    assert (answer.version, len(answer.values)) == ("7", 2)
    instances = [{"x": 0.5, "c": "a"}, {"x": -0.5, "c": "zz"}]
    status, plain, headers = predictor.call("POST", "/v1/models/tiny:predict", {"instances": instances})
    assert status == 200
    assert plain["predictions"] == pytest.approx(answer.values)
    assert (plain["model_version"], headers["x-modelmedic-version"], headers["x-modelmedic-served-by"]) == ("7", "7", "champion")
    status, plain, headers = predictor.call("GET", "/v2/models/tiny")
    assert (plain["versions"], plain["platform"]) == (["7"], "mlflow sklearn/skops")
    assert [each["name"] for each in plain["inputs"]] == ["x", "c"]


def test_the_log_has_what_was_asked_under_the_requests_id_and_role(predictor: Predictor) -> None:
    day = DAY + timedelta(days=10)
    rows = ROWS.set_column(2, "at", pa.array([day, day + timedelta(hours=1)]))
    with PredictorClient(predictor.url, "tiny", headers={"x-modelmedic-served-by": "canary"}) as client:
        answer = client.ask(rows, "r1")
        client.ask(rows, "r2", replay=True)
    assert [
        {name: row[name] for name in ("request_id", "x", "c", "served_by", "model_version", "prediction")} for row in predictor.logged(day)
    ] == [
        {"request_id": f"r1-{n}", "x": x, "c": c, "served_by": "canary", "model_version": "7", "prediction": answer.values[n]}
        for n, (x, c) in enumerate([(0.5, "a"), (-0.5, "zz")])
    ]


def test_broken_data_that_the_model_can_answer_reaches_the_log(predictor: Predictor) -> None:
    day = DAY + timedelta(days=20)
    with PredictorClient(predictor.url, "tiny") as client:
        client.ask(pa.table({"x": [1e9], "c": pa.array([None], pa.string()), "at": [day]}), "unit")
        client.ask(pa.table({"x": [1.0], "at": [day]}), "gone")
        with pytest.raises(BadInput, match="the model has no answer without column 'x'"):
            client.ask(pa.table({"c": ["a"], "at": [day]}), "refused")
    assert [(row["request_id"], row["x"], row["c"]) for row in predictor.logged(day)] == [("gone-0", 1.0, None), ("unit-0", 1e9, None)]


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        (INFER, "{no json", 400, "request is no V2 inference request: the body: JSON decode error"),
        (INFER, "[1]", 400, "request is no V2 inference request"),
        (INFER, {"inputs": "x"}, 400, "inputs"),
        (INFER, {"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": ["a"]}]}, 400, "column 'x' holds string values"),
        (INFER, {"inputs": [{"name": "x", "shape": [-1], "datatype": "FP64", "data": [1]}]}, 400, "expected -1"),
        (INFER, {"inputs": [{"name": "x", "shape": [1], "datatype": "FP16", "data": [1]}]}, 400, "FP16"),
        ("/v1/models/tiny:predict", {"instances": 3}, 400, "instances"),
        ("/v1/models/tiny:predict", '{"instances": [NaN]}', 400, "Unrecognized request format"),
        ("/v1/models/tiny:predict", [], 400, "request is no JSON object"),
        ("/v1/models/other:predict", {}, 404, "other"),
    ],
)
def test_bad_input_is_a_sentence_and_never_our_fault(predictor: Predictor, path: str, body: Any, status: int, said: str) -> None:
    found, plain, headers = predictor.call("POST", path, body)
    assert (found, said in plain["error"]) == (status, True), plain
    assert "\n" not in plain["error"]
    assert headers["x-modelmedic-version"] == "7"


def test_binary_tensors_are_answered_and_broken_ones_are_a_sentence(predictor: Predictor) -> None:
    tensor = {"name": "x", "shape": [1], "datatype": "FP64", "parameters": {"binary_data_size": 8}}
    head = json.dumps({"inputs": [tensor]})
    for body, length, status in ((head + "\0" * 8, len(head), 200), (head + "abc", len(head), 400), (head, 99999, 400), (head, "z", 400)):
        kind = {"content_type": "application/octet-stream", "inference_header_content_length": str(length)}
        found, plain, _ = predictor.call("POST", INFER, body, **kind)
        assert (found, "error" in plain) == (status, status == 400), plain


def test_nobody_unloads_the_model_by_a_request(predictor: Predictor) -> None:
    status, plain, _ = predictor.call("POST", "/v2/repository/models/tiny/unload", "")
    assert (status, "is not unloaded by a request" in plain["error"]) == (400, True)
    assert predictor.call("GET", "/v2/models/tiny/ready")[0] == 200


def test_a_body_that_no_request_needs_is_refused_before_it_is_read(predictor: Predictor) -> None:
    status, plain, _ = predictor.call("POST", INFER, "{}", content_length=str(65 << 20))
    assert (status, "larger than 64 MiB" in plain["error"]) == (413, True)


def test_metrics_count_requests_rows_and_failures_and_keep_replays_apart(predictor: Predictor) -> None:
    names = (
        "modelmedic_requests_total",
        "modelmedic_rows_total",
        'modelmedic_request_failures_total{code="400"',
        "modelmedic_replays_total",
    )
    before = [predictor.metric(name) for name in names]
    with PredictorClient(predictor.url, "tiny") as client:
        client.ask(ROWS)
        client.ask(ROWS, replay=True)
        with pytest.raises(BadInput):
            client.ask(pa.table({"stranger": [1.0]}))
    assert [predictor.metric(name) - was for name, was in zip(names, before, strict=True)] == [2, 2, 1, 1]
    assert predictor.metric('modelmedic_model_info{digest="abc",format="sklearn/skops",model="tiny",unpickled="false",version="7"}') == 1
    predictor.call("POST", "/modelmedic/flush")
    assert predictor.metric("modelmedic_log_rows_pending") == 0
    assert predictor.metric("modelmedic_log_rows_written_total") > 0


def test_sigterm_loses_nothing(predictor: Predictor) -> None:
    """The last of this file: it ends the predictor."""
    day = DAY + timedelta(days=30)
    with PredictorClient(predictor.url, "tiny") as client:
        for number in range(20):
            client.ask(pa.table({"x": [1.0], "c": ["a"], "at": [day]}), f"last{number}")
    while predictor.process.poll() is None:  # asked impatiently, again and again
        os.kill(predictor.process.pid, signal.SIGTERM)
        time.sleep(0.02)  # the pace of the impatient one
    assert predictor.process.returncode in (0, -signal.SIGTERM)  # the last one may hit the interpreter's own end
    table = LoggedWindows(FolderStore(predictor.store), policy(), SystemClock()).table(Window(day, day + timedelta(days=1)))
    assert sorted(table["request_id"].to_pylist()) == sorted(f"last{number}-0" for number in range(20))


def test_a_model_that_may_not_be_loaded_says_so_and_exits_77(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", trained(), flavor={"skops_trusted_types": ["builtins.eval"]})
    announce = tmp_path / "announce.json"
    assert main(["--model-name=tiny", f"--model-dir={folder}", "--version=7", f"--announce={announce}"]) == 77
    assert "has the type builtins.eval in it" in json.loads(announce.read_text())["error"]
