"""A training reaches what it needs and nothing else of its user's, as far as the kernel goes; an
operator can open more.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from modelmedic.steps.adapters.linux.landlock import WITH_NETWORK, version
from modelmedic.steps.training.process import LOG_FILE, MORE_PATHS, NETWORK
from modelmedic.steps.training.train import train_in_child
from tests.worlds.training import START, policy, rows

landlocked = pytest.mark.skipif(version() < WITH_NETWORK, reason="this kernel has no Landlock that knows TCP")


def _said(function: str, place: Path) -> str:
    rules = policy(retrain={"entrypoint": f"tests.training.trainers:{function}"})
    table = rows(START, START.replace(day=5), rules).select([*rules.features, "left", "at"])
    pq.write_table(table, place / "train.parquet")
    return train_in_child(place / "train.parquet", rules, place / "out").sentence


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "private"
    folder.mkdir()
    (folder / "secret").write_text("planted")
    monkeypatch.setenv("TZ", str(folder))
    return folder


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        monkeypatch.setenv("TZ", str(number))
        yield number


@landlocked
@pytest.mark.usefixtures("secret")
def test_file_that_is_not_its_own_is_closed_and_the_sentence_says_how_to_open_it(tmp_path: Path) -> None:
    said = _said("reading", tmp_path)
    assert "PermissionError" in said
    assert MORE_PATHS in said
    assert "confined by Landlock" in (tmp_path / "out" / LOG_FILE).read_text().splitlines()[0]


@landlocked
def test_operator_opens_more_paths(secret: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MORE_PATHS, f"{secret}{os.pathsep}/nowhere")
    assert "failed: RuntimeError: planted" in _said("reading", tmp_path)


@landlocked
@pytest.mark.usefixtures("port")
@pytest.mark.parametrize(("value", "words"), [("", "PermissionError"), ("true", "RuntimeError: connected")])
def test_network_is_closed_until_an_operator_opens_it(tmp_path: Path, value: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NETWORK, value)
    assert words in _said("connecting", tmp_path)


def test_training_may_work_in_several_processes(tmp_path: Path) -> None:
    assert "failed: RuntimeError: tried 2" in _said("in_pairs", tmp_path)


_LOOKING = """
import subprocess, sys
from modelmedic.steps.adapters.linux.prctl import drop_capabilities, undumpable

def looked():
    code = "import os; open(f'/proc/{os.getppid()}/environ', 'rb').read()"
    return subprocess.run([sys.executable, "-S", "-c", code], stderr=subprocess.DEVNULL).returncode == 0

drop_capabilities()  # root would look past it
before = looked()
with undumpable(), undumpable():
    pass
with undumpable():
    with undumpable():
        pass
    during = looked()
print(before, during, looked())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="processes elsewhere have no such property")
def test_environment_is_closed_to_other_processes_of_the_same_user_for_the_block() -> None:
    assert subprocess.run([sys.executable, "-c", _LOOKING], capture_output=True, text=True, check=True).stdout == "True False True\n"
