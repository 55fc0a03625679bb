"""The two file commands: an answer for people, one object for programs, one sentence for a mistake."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest

from tests.diagnose import world
from tests.diagnose.world import windows
from workflows.cli import main

ROLES = ["--target", "y", "--prediction", "p", "--time", "t"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("windows")
    reference, current = windows(world.concept_in_c)
    pyarrow.parquet.write_table(reference, folder / "reference.parquet")
    pyarrow.csv.write_csv(current, folder / "current.csv")
    return str(folder / "reference.parquet"), str(folder / "current.csv")


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def test_diagnose_answers_one_object(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("diagnose", *files, *ROLES, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["cause"] == "concept_drift"
    assert answer["segment"] == {"column": "c", "value": "C"}
    assert answer["columns"][0] == "x3"
    assert answer["remedy"] == "retrain"
    assert {"confidence", "evidence", "runners_up"} <= set(answer)


def test_diagnose_tells_a_person_what_why_and_what_to_do(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("diagnose", *files, *ROLES) == 0
    said = capsys.readouterr().out
    for words in ("concept_drift", "c = C", "remedy", "retrain"):
        assert words in said


def test_detect_says_that_the_loss_rose(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("detect", *files, *ROLES, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["state"] == "degraded"
    assert answer["performance"]["current"] > answer["performance"]["reference"]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is empty"), (b"a,b\n1,2\n1,2,3\n", "neither Parquet nor a clean CSV"), (b"PAR1nonsense", "cannot be read as Parquet")],
)
def test_a_file_that_cannot_be_read_gets_one_sentence(
    files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, said: str
) -> None:
    (tmp_path / "bad.csv").write_bytes(content)
    assert run("detect", files[0], str(tmp_path / "bad.csv")) == 65
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_column_that_is_not_there_is_named_with_those_that_are(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("diagnose", *files, "--target", "label") == 65
    assert "'label', which neither table has; the reference has x0" in capsys.readouterr().err


def loaded_by(module: str) -> set[str]:
    code = f"import sys, {module}; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], timeout=60, check=True, capture_output=True, text=True).stdout.split())


def test_help_imports_nothing_heavy() -> None:
    assert not loaded_by("workflows.cli") & {"numpy", "pyarrow", "pydantic", "pandas"}


def test_the_verdict_path_stays_light() -> None:
    loaded = loaded_by("steps.files")
    assert "pyarrow" in loaded
    assert not loaded & {"pandas", "evidently", "mlflow", "kserve"}
