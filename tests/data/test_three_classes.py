"""Labels of three classes are refused in plain words wherever a table is read, and never become a
number unless somebody says that they are one.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.tables.classes import expect_two_classes, told_task
from tests.cli.program import run

ROWS = 3000
SAID = "has three classes (0, 1 and 2); modelmedic judges two classes or a number. Use one policy a class"
NUMBER = "--task regression"
POLICY = """apiVersion: modelmedic.io/v1alpha1
kind: HealingPolicy
metadata: {name: flowers, owner: team}
serving: {inferenceService: flowers}
registry: {name: flowers}
data: {task: binary, target: y3, time: at, numeric: [x]}
"""


def table(labels: object) -> pa.Table:
    times = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(ROWS)]
    return pa.table({"at": times, "x": np.random.default_rng(3).normal(size=ROWS), "prediction": np.full(ROWS, 0.5), "y3": labels})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    pyarrow.parquet.write_table(table(np.arange(ROWS) % 3), tmp_path / "flowers.parquet")
    return tmp_path / "flowers.parquet"


@pytest.mark.parametrize("command", ["detect", "diagnose"])
@pytest.mark.parametrize(("task", "hinted"), [((), True), (("--task", "binary"), False)])
def test_two_files_with_three_classes_are_refused(data: Path, command: str, task: tuple[str, ...], hinted: bool) -> None:
    ended = run(command, data, data, "--target", "y3", "--prediction", "prediction", "--time", "at", *task)
    assert (ended.exit_code, SAID in ended.stderr, NUMBER in ended.stderr) == (65, True, hinted)


@pytest.mark.parametrize("command", ["detect", "diagnose"])
def test_a_few_whole_numbers_are_a_number_when_somebody_says_so(data: Path, command: str) -> None:
    ended = run(command, data, data, "--target", "y3", "--prediction", "prediction", "--task", "regression")
    assert ended.exit_code == 0


def test_labels_in_two_words_are_refused_with_the_way_to_write_them(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(table(np.where(np.arange(ROWS) % 3, "no", "yes")), tmp_path / "words.parquet")
    (tmp_path / "policy.yaml").write_text(POLICY)
    ended = run("bootstrap", tmp_path / "policy.yaml", "--data", tmp_path / "words.parquet", "--home", tmp_path / "home", "--dry-run")
    said = "holds words, no and yes; expected 0 and 1: write yes as 1 and no as 0"
    assert (ended.exit_code, said in ended.stderr) == (65, True)
    checked = run("validate", tmp_path / "policy.yaml", "--data", tmp_path / "words.parquet")
    assert "`modelmedic bootstrap` would refuse it: column y3 of" in checked.stderr
    assert said in checked.stderr


def test_init_asks_which_of_both_they_are(data: Path) -> None:
    ended = run("init", data, "--target", "y3", "--dry-run")
    assert (ended.exit_code, SAID in ended.stderr, NUMBER in ended.stderr) == (65, True, True)
    named = run("init", data, "--target", "y3", "--task", "regression", "--dry-run")
    assert (named.exit_code, "task: regression" in named.stdout) == (0, True)


@pytest.mark.parametrize("command", ["bootstrap", "backtest"])
@pytest.mark.parametrize("words", [False, True])
def test_a_binary_policy_takes_no_table_of_three_classes(tmp_path: Path, data: Path, command: str, words: bool) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    if words:
        pyarrow.parquet.write_table(table(np.array(["iris", "lily", "rose"])[np.arange(ROWS) % 3]), data)
    ended = run(command, tmp_path / "policy.yaml", "--data", data, *(["--home", tmp_path / "home"] if command == "bootstrap" else []))
    assert ended.exit_code == 65
    assert ("y3 has three classes (iris, lily and rose)" if words else f"y3 {SAID}") in ended.stderr


def test_two_numbers_that_are_not_0_and_1_are_asked_about() -> None:
    with pytest.raises(BadInput, match=r"y is 1 and 2; expected 0 and 1 for two classes. Name it with --task regression"):
        told_task("y", np.array([1.0, 2.0, np.nan]))


def test_many_whole_numbers_and_fractions_are_a_number() -> None:
    assert told_task("y", np.arange(21.0)) is Task.REGRESSION
    assert told_task("y", np.array([0.5, 1.0, 2.0])) is Task.REGRESSION


def test_a_stray_label_is_a_fault_of_its_row_and_no_third_class() -> None:
    labels = np.arange(5000.0) % 2
    labels[7] = 9
    expect_two_classes("y", labels)
    labels[:10] = 9
    with pytest.raises(BadInput, match="y has three classes"):
        expect_two_classes("y", labels)
