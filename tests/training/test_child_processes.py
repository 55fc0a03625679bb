"""A training function in a child process may do anything: the caller gets a folder or one sentence,
and no process is left behind.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from modelmedic.steps.adapters.models.frames import features
from modelmedic.steps.adapters.models.loader import load_model
from modelmedic.steps.adapters.models.saver import save
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.runtime.run import Site
from modelmedic.steps.runtime.versions import version_files
from modelmedic.steps.training.__main__ import entrypoint
from modelmedic.steps.training.predict import ask_in_child
from modelmedic.steps.training.process import in_this_process
from modelmedic.steps.training.train import TrainingOutcome, train_in_child
from tests.worlds.training import START, policy, rows

HERE = "tests.training.trainers"


@pytest.fixture
def training(tmp_path: Path) -> Callable[..., TrainingOutcome]:
    def start(
        function: str, *, timeout: timedelta | None = None, halving: timedelta | None = None, unpickled: bool = False, days: int = 4
    ) -> TrainingOutcome:
        rules = _rules(function)
        table = rows(START, START + timedelta(days=days), rules)
        pq.write_table(table.select([*rules.features, "left", "at"]), tmp_path / "train.parquet")
        return train_in_child(tmp_path / "train.parquet", rules, tmp_path / "out", timeout=timeout, halving=halving, unpickled=unpickled)

    return start


def _rules(function: str) -> Policy:
    return policy(retrain={"entrypoint": function if ":" in function else f"{HERE}:{function}"})


@pytest.mark.parametrize(
    ("function", "halving", "words"),
    [
        ("weighing", timedelta(days=2), r"600 rows of churn weigh 0\.25\d to 1\.000"),
        ("weighing", None, r"600 rows of churn weigh 1\.000 to 1\.000"),
        ("counting", timedelta(days=1), r"(3[6-9]\d|4[0-2]\d) rows, 0\.3[2-9] of the newest day"),  # of four days
        ("counting", None, r"600 rows, 0\.2[4-6] of the newest day"),
    ],
)
def test_training_function_gets_weights_where_it_takes_them_and_else_rows_drawn_by_them(
    training: Callable[..., TrainingOutcome], function: str, halving: timedelta | None, words: str
) -> None:
    with in_this_process():
        assert re.search(words, (sentence := training(function, halving=halving).sentence)), sentence


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("crashing", r"failed: KeyError: .*no column of 600 rows"),
        ("killed", r"was killed \(exit 137\), most likely for want of memory"),
        ("vanishing", r"left no usable model"),
    ],
)
def test_bad_training_function_is_one_sentence(training: Callable[..., TrainingOutcome], function: str, words: str) -> None:
    trained = training(function)
    assert trained.folder is None
    assert re.search(words, trained.sentence), trained.sentence
    assert "\n" not in trained.sentence
    assert trained.sentence.startswith("training by ")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (f"{HERE}:missing", "module tests.training.trainers has no missing"),
        (f"{HERE}:not_a_function", "which is a int; expected a function"),
        ("no.such.module:train", "there is no module no.such.module"),
    ],
)
def test_entrypoint_that_is_none_is_named(name: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        entrypoint(name)


def test_what_is_no_model_is_named(tmp_path: Path) -> None:
    table = rows(START, START + timedelta(days=1), policy())
    for nothing, words in ((None, "returned a NoneType"), (tmp_path, "has no MLmodel file")):
        with pytest.raises(BadInput, match=words):
            save(nothing, tmp_path / "model", policy(), features(table, policy()))


def test_training_that_takes_too_long_is_ended_with_its_children(training: Callable[..., TrainingOutcome], tmp_path: Path) -> None:
    trained = training("hanging", timeout=timedelta(seconds=5))
    assert trained.folder is None
    assert "was ended after 5s (retrain.timeout)" in trained.sentence
    assert _gone(int((tmp_path / "out" / "home" / "child").read_text()))


def test_credentials_and_addresses_do_not_reach_a_training_function(
    training: Callable[..., TrainingOutcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "MODELMEDIC_STORE", "MLFLOW_TRACKING_TOKEN", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.setenv(name, "unique-secret")
    seen = training("spying").sentence
    assert "MLFLOW_TRACKING_URI" in seen  # its own, a file in its own folder
    for name in ("AWS_SECRET_ACCESS_KEY", "MODELMEDIC", "TOKEN", "KUBERNETES", "unique-secret"):
        assert name not in seen


def test_a_pickle_that_nobody_will_load_is_refused_before_the_rows_are_learnt(
    training: Callable[..., TrainingOutcome], tmp_path: Path
) -> None:
    refused = training("pickled", unpickled=True, days=20)
    assert refused.folder is None
    assert "it returns Own, which only pickling can save" in refused.sentence
    assert "MODELMEDIC_ALLOW_PICKLE=true where its maker is trusted" in refused.sentence
    said = (tmp_path / "out" / "process.log").read_text()
    assert said.count("taught") == 1
    assert "taught 300 rows" in said


def test_a_pickle_is_trained_where_an_operator_trusts_its_maker(training: Callable[..., TrainingOutcome]) -> None:
    assert training("pickled", days=20).folder is not None


def test_a_function_that_fails_on_a_few_rows_alone_is_given_all(training: Callable[..., TrainingOutcome]) -> None:
    assert training("forest", unpickled=True).folder is not None


def test_users_own_model_is_saved_without_pickle_and_answers_probabilities(training: Callable[..., TrainingOutcome]) -> None:
    trained = training("forest")
    assert trained.folder is not None, trained.sentence
    model = load_model(trained.folder)
    answers = model.ask(model.example)
    assert not model.unpickled
    assert answers.shape == (5,)
    assert ((answers > 0) & (answers < 1)).all()
    assert {each.required for each in model.inputs} == {False}


@pytest.mark.xdist_group("first champion")
def test_model_asked_in_its_own_process_answers_as_it_does_in_this_one(bootstrapped: tuple[Site, ModelVersion], tmp_path: Path) -> None:
    at, version = bootstrapped
    folder, table = version_files(at, version), rows(START, START + timedelta(days=4), at.policy)
    apart = ask_in_child(folder, at.policy, table, tmp_path / "out")
    assert (apart.fitness.fault, apart.fitness.requests) == ("", 200)
    assert apart.fitness.memory is not None
    assert 60 << 20 < apart.fitness.memory < 600 << 20
    assert apart.fitness.size == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert apart.answers is not None
    assert apart.answers.tolist() == load_model(folder).ask(features(table, at.policy)).tolist()


def test_training_ends_when_its_parent_was_killed(tmp_path: Path) -> None:
    rules = _rules("hanging")
    pq.write_table(rows(START, START + timedelta(days=2), rules).select([*rules.features, "left", "at"]), tmp_path / "train.parquet")
    (tmp_path / "rules.json").write_text(rules.model_dump_json(by_alias=True))
    program = f"""
from pathlib import Path
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.training.__main__ import entrypoint
from modelmedic.steps.training.train import train_in_child
place = Path("{tmp_path}")
train_in_child(place / "train.parquet", Policy.model_validate_json((place / "rules.json").read_bytes()), place / "out")
"""
    parent = subprocess.Popen([sys.executable, "-c", program])
    child = tmp_path / "out" / "home" / "child"
    deadline = time.monotonic() + 60
    while not (child.exists() and child.read_text()) and time.monotonic() < deadline and parent.poll() is None:
        parent.poll()
    trainer = _parent_of(int(child.read_text()))
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert _gone(trainer)
    assert _gone(int(child.read_text()))


def _parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _gone(pid: int, within: float = 20) -> bool:
    """True when the process ended, or only waits to be collected."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
    return False
