"""The page on feeding runs from top to bottom against a real predictor, and windows read what it
wrote.
"""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from modelmedic.steps.adapters.http import HttpClient
from modelmedic.steps.adapters.policy.file import load_policy
from modelmedic.steps.adapters.store.folder import FolderStore
from modelmedic.steps.contracts.inference_log import span_of
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.tables.log_columns import log_schema
from modelmedic.steps.data.windows import LoggedWindows
from tests.cli.program import run
from tests.data.log import HandClock
from tests.predictor.test_predictor import start
from tests.worlds.sklearn_folder import write

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "feeding.md").read_text()
ADDRESS = "http://127.0.0.1:8080"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_DECEMBER = datetime(2024, 12, 1, tzinfo=UTC)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the page's policies in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MODELMEDIC_STORE", raising=False)
    policy, overlay = (block for kind, block in _BLOCK.findall(TEXT) if kind == "yaml")
    (tmp_path / "policy.yaml").write_text(policy)
    (tmp_path / "overlay.yaml").write_text(overlay)
    return tmp_path


@pytest.fixture
def address(desk: Path) -> Iterator[str]:
    """A predictor of the page's model, which logs where the page says."""
    options = ("--model-name=bikes", f"--policy={desk / 'policy.yaml'}", f"--log-store={desk / '.modelmedic' / 'store'}", "--flushable")
    process, announce = start(desk, _model(desk / "model"), *options)
    assert process.poll() is None, (desk / "output.log").read_text()
    yield f"http://127.0.0.1:{json.loads(announce.read_text())['port']}"
    process.kill()
    process.wait()


def _model(folder: Path) -> Path:
    dice = np.random.default_rng(0)
    frame = pd.DataFrame({"temp": dice.normal(10, 5, 200), "season": dice.choice(["autumn", "winter"], 200)})
    encoded = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["season"]), remainder="passthrough")
    write(folder, make_pipeline(encoded, LogisticRegression()).fit(frame, (frame["temp"] > 10).astype(int)))
    for file in ("MLmodel", "input_example.json"):
        path = folder / file
        path.write_text(re.sub(r'(\\?")c(\\?")', r"\1season\2", re.sub(r'(\\?")x(\\?")', r"\1temp\2", path.read_text())))
    return folder


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_examples_do_what_the_page_says(desk: Path, address: str) -> None:
    names: dict[str, Any] = {}
    for kind, block in _BLOCK.findall(TEXT):
        here = block.replace(ADDRESS, address)
        if kind == "bash":
            answer = subprocess.run(["bash", "-c", here], capture_output=True, text=True, timeout=30, check=True).stdout
            assert json.loads(answer)["id"] == "r-1"
        elif kind == "python":
            exec(compile(here, "docs/feeding.md", "exec"), names)
        elif kind == "console":
            _typed(block)
    with HttpClient(address, "the predictor") as client:
        client.call("POST", "/modelmedic/flush")
    found = _logged(desk)
    assert found["request_id"].to_pylist() == ["r-1-0", "r-1-1", "r-2-0", "q-1", "q-2"]
    assert found["crowded"].to_pylist() == [1, 0, 1, 1, 0]


def _logged(desk: Path) -> Any:
    windows = LoggedWindows(FolderStore(desk / ".modelmedic" / "store"), load_policy(desk / "policy.yaml"), HandClock(_DECEMBER))
    return windows.table(Window(datetime(2024, 11, 14, tzinfo=UTC), _DECEMBER))


def _typed(block: str) -> None:
    """What was typed, and what it says; `cat` shows the files that there are."""
    for command, said in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
        program, *words = shlex.split(command)
        if program == "cat":
            Path(words[0]).write_text(said)
        else:
            assert program == "modelmedic"
            wanted = re.escape(said).replace("…", r"[0-9a-f]+")
            assert re.fullmatch(wanted, run(*words).stdout), run(*words).output


def test_the_policy_without_shares_is_one(desk: Path) -> None:
    assert load_policy(desk / "policy.yaml", (), (desk / "overlay.yaml",)).rollout.steps == ()


def test_the_page_names_every_column_of_the_log(desk: Path) -> None:
    policy = load_policy(desk / "policy.yaml")
    theirs = {policy.data.time, *policy.features}
    assert [name for name in log_schema(policy).names if name not in theirs and f"| `{name}` |" not in TEXT] == []


def test_the_names_in_the_layout_are_read() -> None:
    stated = TEXT.split("## The layout")[1]
    first, day = re.search(r"`(\d{8}T\d{6}Z)`", stated), re.search(r"`(\d{4}-\d{2}-\d{2})`", stated)
    assert first is not None
    assert day is not None
    for prefix in ("inference-log", "labels"):
        key = re.search(rf"`({prefix}/<name>/\S+\.parquet)`", stated)
        assert key is not None
        parts = {"name": "bikes", "day": day[1], "first": first[1], "last": first[1], "writer": "my-job", "number": "000001"}
        assert span_of(re.sub(r"<(\w+)>", lambda found, parts=parts: parts[found[1]], key[1])) is not None
