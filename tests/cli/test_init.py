"""A first policy from a data file: good guesses, each one said, nothing overwritten, and always a
policy that validates.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from click.testing import Result
from hypothesis import given, settings
from hypothesis import strategies as st

from modelmedic.steps.adapters.policy.file import load_policy
from modelmedic.steps.adapters.policy.scaffold import scaffold_yaml
from modelmedic.steps.adapters.policy.yaml_tree import parse_tree
from modelmedic.steps.contracts.policy import Rollout
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.scaffold.scaffold import scaffold
from tests.cli.program import run

ROWS = 4000
START = datetime(2026, 1, 1, tzinfo=UTC)


def loans(**changed: Any) -> pa.Table:
    """Four weeks of loans; `changed` replaces or adds columns, None takes one away."""
    dice = np.random.default_rng(7)
    income, region = dice.normal(50, 10, ROWS), dice.choice(["north", "south", "west"], ROWS)
    columns: dict[str, Any] = {
        "loan_id": np.arange(ROWS),
        "when": [START + timedelta(minutes=10 * n) for n in range(ROWS)],
        "income": income,
        "age": dice.integers(18, 80, ROWS),
        "product_code": dice.integers(1, 5, ROWS),
        "region": region,
        "employer": [f"employer {n}" for n in range(ROWS)],
        "currency": ["EUR"] * ROWS,
        "insured": dice.random(ROWS) < 0.4,
        "defaulted": (income + dice.normal(0, 10, ROWS) < 42).astype(int),
    }
    return pa.table({name: value for name, value in {**columns, **changed}.items() if value is not None})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return saved(tmp_path / "Loans 2026.parquet", loans())


def saved(path: Path, table: pa.Table) -> Path:
    pyarrow.parquet.write_table(table, path)
    return path


def init(*arguments: Any, ageing: bool = False) -> Result:
    return run("init", *arguments, *([] if ageing else ["--no-ageing"]))


def test_the_policy_validates_and_has_the_right_columns(data: Path, tmp_path: Path) -> None:
    ended = init(data, "--owner", "risk", "-o", tmp_path / "policy.yaml")
    assert ended.exit_code == 0
    assert run("validate", tmp_path / "policy.yaml").exit_code == 0
    policy = load_policy(tmp_path / "policy.yaml")
    assert (policy.name, policy.metadata.owner) == ("loans-2026", "risk")
    assert (policy.data.task, policy.data.target, policy.data.time) == (Task.BINARY, "defaulted", "when")
    assert policy.data.numeric == ("income", "age")
    assert policy.data.categorical == ("product_code", "region", "insured")
    assert policy.data.segments == ("product_code", "region", "insured")
    assert policy.detect.window == timedelta(days=7)


def test_every_guess_is_said_and_stdout_stays_empty(data: Path, tmp_path: Path) -> None:
    ended = init(data, "-o", tmp_path / "policy.yaml")
    assert ended.stdout == ""
    for said in (
        "target defaulted (from its name): binary, it is 0 or 1",
        "time when (the only column of times)",
        "4000 rows over 27d: a window of 7d has about 1008 rows",
        "left out 'loan_id': an identifier",
        "left out 'employer': an identifier or free text, 4000 values",
        "left out 'currency': always the same",
    ):
        assert f"{said}\n" in ended.stderr


def test_a_csv_gives_the_same_policy(data: Path, tmp_path: Path) -> None:
    pyarrow.csv.write_csv(loans(when=[f"{START + timedelta(minutes=10 * n):%Y-%m-%d %H:%M:%S}" for n in range(ROWS)]), tmp_path / "l.csv")
    texts = [init(path, "--name", "loans", "--owner", "risk", "--dry-run").stdout for path in (data, tmp_path / "l.csv")]
    assert texts[0].splitlines()[1:] == texts[1].splitlines()[1:]


def test_a_number_is_regression_and_a_word_for_the_target_wins(data: Path) -> None:
    assert "task: regression" in init(data, "--target", "income", "--dry-run").stdout


def test_two_words_are_binary_and_it_is_said_which_counts(tmp_path: Path) -> None:
    words = np.where(np.arange(ROWS) % 3 == 0, "yes", "no")
    ended = init(saved(tmp_path / "d.parquet", loans(defaulted=words)), "--dry-run")
    assert "binary, yes counts as 1 and no as 0" in ended.stderr
    assert "task: binary" in ended.stdout


@pytest.mark.parametrize("copy", ["number", "word"])
def test_a_copy_of_the_target_is_left_out(tmp_path: Path, copy: str) -> None:
    table = loans()
    answer = table["defaulted"].to_numpy()
    twin = answer * 3.5 + 1 if copy == "number" else np.where(answer == 1, "bad", "good")
    ended = init(saved(tmp_path / "d.parquet", table.append_column("days_late", pa.array(twin))), "--dry-run")
    assert "left out 'days_late': gives the target away by itself (AUC 1.000)" in ended.stderr


@pytest.mark.filterwarnings("error")
def test_a_target_of_numbers_whose_squares_are_0_is_a_number(tmp_path: Path) -> None:
    tiny = saved(tmp_path / "loans.parquet", loans(defaulted=np.linspace(1e-300, 3e-300, ROWS)))
    ended = init(tiny, "--target", "defaulted", "-o", "-")
    assert ended.exit_code == 0
    assert "task: regression" in ended.stdout


def test_what_the_log_adds_and_earlier_predictions_are_no_features(tmp_path: Path) -> None:
    known = {"prediction": np.full(ROWS, 0.5), "model_version": ["3"] * ROWS, "y_pred": np.linspace(0, 1, ROWS)}
    ended = init(saved(tmp_path / "d.parquet", loans(**known)), "-o", tmp_path / "policy.yaml")
    assert not set(known) & set(load_policy(tmp_path / "policy.yaml").features)
    assert "left out 'prediction': the inference log adds it" in ended.stderr
    assert "left out 'y_pred': looks like a model's prediction" in ended.stderr


@pytest.mark.parametrize(
    ("changed", "arguments", "said"),
    [
        ({"defaulted": None}, [], "which column is the target cannot be told from loan_id, when, income"),
        ({"target": [0, 1] * 2000, "label": [0, 1] * 2000}, [], "target and label could each be the target; name it with --target"),
        ({"when": None}, [], "no column holds times; expected one such as"),
        (
            {},
            ["--target", "region"],
            "target region has three classes (north, south and west); modelmedic judges two classes or a number. Use one",
        ),
        ({}, ["--target", "currency"], "target currency holds 1 different words"),
        ({}, ["--target", "when"], "target when holds neither numbers nor words"),
        ({"defaulted": [1] * ROWS}, [], "target defaulted has 1 different values; expected at least two"),
        ({}, ["--time", "income"], "column income holds no times that can be read"),
        ({}, ["--target", "default"], "did you mean 'defaulted'?"),
        ({}, ["--time", "when", "--target", "when"], "--target and --time name the same column 'when'"),
        ({}, ["--name", "Loans!"], 'metadata.name is "Loans!"; expected 1 to 53 lower-case letters'),
        ({}, ["--owner", "{{x}}"], "expected one printable line without {{"),
        ({"ü": [0, 1] * 2000}, ["--target", "ü"], "column 'ü' cannot be the target: its name holds characters"),
    ],
)
def test_what_cannot_be_told_is_one_sentence(tmp_path: Path, changed: dict[str, Any], arguments: list[str], said: str) -> None:
    ended = init(saved(tmp_path / "d.parquet", loans(**changed)), *arguments, "-o", tmp_path / "policy.yaml")
    assert ended.exit_code == 65
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "policy.yaml").exists()


def test_without_any_feature_it_is_said_why(tmp_path: Path) -> None:
    table = loans().select(["when", "loan_id", "currency", "defaulted"])
    ended = init(saved(tmp_path / "d.parquet", table), "--dry-run")
    assert "no column is left to learn from (loan_id: an identifier; currency: always the same)" in ended.stderr


def test_a_file_that_is_there_is_left_as_it_is_without_force(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "policy.yaml"
    out.write_text("mine")
    ended = init(data, "-o", out)
    assert (ended.exit_code, out.read_text()) == (65, "mine")
    assert "is there already and is left as it is" in ended.stderr
    assert init(data, "-o", out, "--force").exit_code == 0
    assert run("validate", out).exit_code == 0


@pytest.mark.parametrize("arguments", [["--dry-run"], ["-o", "-"]])
def test_looking_first_writes_nothing(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    ended = init(data, *arguments)
    assert ended.stdout.startswith("# What may be done for the model loans-2026, guessed from Loans 2026.parquet")
    assert list(tmp_path.iterdir()) == [data]


def test_a_folder_that_is_not_there_is_said_so(data: Path, tmp_path: Path) -> None:
    ended = init(data, "-o", tmp_path / "no" / "policy.yaml")
    assert (ended.exit_code, "cannot be written (no such file or directory)" in ended.stderr) == (65, True)


@pytest.mark.parametrize(
    ("hours", "window", "least", "said"),
    [
        (0.3, "14d", 500, "about 1120 rows\n"),
        (3, "90d", 400, "about 720 rows; windows of fewer than 400 are not judged\n"),
        (9, "90d", 100, "about 240 rows; windows of fewer than 100 are not judged\n"),
    ],
)
def test_rare_rows_get_a_longer_window(tmp_path: Path, hours: float, window: str, least: int, said: str) -> None:
    ended = init(saved(tmp_path / "d.parquet", loans(when=every(hours))), "--dry-run")
    assert f"window: {window}" in ended.stdout
    assert f"minRows: {least} " in ended.stdout
    assert said in ended.stderr


def every(hours: float) -> list[datetime]:
    return [START + timedelta(hours=hours * n) for n in range(ROWS)]


@pytest.mark.parametrize("hours", [0.005, 0.3, 1, 3, 9])
def test_what_the_policy_asks_for_can_come(tmp_path: Path, hours: float) -> None:
    data = saved(tmp_path / "d.parquet", loans(when=every(hours)))
    assert init(data, "-o", tmp_path / "policy.yaml").exit_code == 0
    checked = run("validate", tmp_path / "policy.yaml", "--data", data)
    assert (checked.exit_code, "it can pass at" in checked.stdout) == (0, True)


def test_an_hourly_stream_gets_a_canary_that_can_pass(tmp_path: Path) -> None:
    data = saved(tmp_path / "d.parquet", loans(when=every(1)))
    ended = init(data, "-o", tmp_path / "policy.yaml")
    rollout = load_policy(tmp_path / "policy.yaml").rollout
    assert (rollout.steps, rollout.minRequests, rollout.hold, rollout.deadline) == ((50,), 20, timedelta(hours=12), timedelta(days=5))
    assert "24 rows a day: a canary answers 20 of them with 50 % of the traffic within 5d" in ended.stderr


def test_a_busy_stream_keeps_the_defaults_of_the_rollout(tmp_path: Path) -> None:
    init(saved(tmp_path / "d.parquet", loans(when=every(1 / 2000))), "-o", tmp_path / "policy.yaml")
    assert load_policy(tmp_path / "policy.yaml").rollout == Rollout()


def test_columns_of_the_clock_are_named_in_the_file(tmp_path: Path) -> None:
    times = every(1)
    clock = {"hour": [t.hour for t in times], "day_of_week": [t.weekday() for t in times], "odometer": np.arange(ROWS) * 1.5}
    ended = init(saved(tmp_path / "d.parquet", loans(when=times, **clock)), "--dry-run")
    assert "# functions of time: hour, day_of_week (the weekday), odometer (a counter)" in ended.stdout
    assert "they count as broken only where they contradict the clock" in ended.stderr


def test_few_labels_are_enough_to_judge_a_first_model_by(tmp_path: Path) -> None:
    init(saved(tmp_path / "d.parquet", loans(when=every(1)).slice(0, 1200)), "-o", tmp_path / "policy.yaml")
    policy = load_policy(tmp_path / "policy.yaml")
    assert (policy.retrain.minRows, policy.validation.minLabels) == (600, 200)


def test_the_interval_between_trainings_is_measured_and_said(tmp_path: Path) -> None:
    ended = init(saved(tmp_path / "d.parquet", loans(when=every(1)).slice(0, 3600)), "--dry-run", ageing=True)
    assert "a pilot model's loss rises by" in ended.stderr
    assert "days at balanced" in ended.stdout.replace("\n  #", "")
    assert "refresh: auto" in ended.stdout
    assert "taught again when its age has cost as much, here about every " in ended.stdout


def test_a_short_table_leaves_the_interval_to_the_monitor(data: Path) -> None:
    ended = init(data, "--dry-run", ageing=True)
    assert "the ageing of models is not measured: the table leaves 0 of the 4 weeks that are needed" in ended.stderr
    assert "here about" not in ended.stdout


TRAPS = ["no", "null", "1e5", "0x1", "2026-01-01", "12:30", "1_000", "~", "- a", "#x", "y"]  # YAML takes them for something else
NAMES = st.text(min_size=1, max_size=12) | st.sampled_from(TRAPS)


@settings(max_examples=60, deadline=None)
@given(features=st.lists(NAMES.filter(lambda name: name not in ("label", "t")), min_size=1, max_size=6, unique=True))
def test_whatever_the_columns_are_called_the_policy_validates(features: list[str]) -> None:
    rows = 40
    values = {name: np.arange(rows, dtype=float) % (7 + place) for place, name in enumerate(features)}
    times = [START + timedelta(days=n) for n in range(rows)]
    table = pa.table({"label": np.arange(rows) % 2, "t": times, "always": np.arange(rows) % 5.0, **values})
    found = scaffold(table, target="label", time="t")
    tree, faults = parse_tree(scaffold_yaml(found, name="m", owner="o", source="# a\nb: c").encode(), "p")
    assert faults == []
    assert tree is not None
    assert tree.plain()["data"]["numeric"] == list(found.numeric)


def test_a_table_without_rows_is_said_to_have_none(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("at,x,label\n")
    ended = run("init", tmp_path / "empty.csv", "--dry-run")
    assert (ended.exit_code, ended.stderr) == (
        65,
        "modelmedic: the table has no rows below its columns (at, x, label); expected labelled rows with times\n",
    )
