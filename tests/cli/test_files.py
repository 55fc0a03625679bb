"""The two file commands: an answer for people, one object for programs, one sentence for a
mistake.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from tests.cli.program import run
from tests.worlds import planted
from tests.worlds.planted import windows

ROLES = ["--target", "y", "--prediction", "p", "--time", "t"]
Files = tuple[str, str]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("windows")
    reference, current = windows(planted.concept_in_c)
    pyarrow.parquet.write_table(reference, folder / "reference.parquet")
    pyarrow.csv.write_csv(current, folder / "current.csv")
    return str(folder / "reference.parquet"), str(folder / "current.csv")


def test_diagnose_answers_one_object(files: Files) -> None:
    ended = run("diagnose", *files, *ROLES, "--json")
    answer = json.loads(ended.stdout)
    assert ended.exit_code == 0
    assert answer["cause"] == "concept_drift"
    assert answer["segment"] == {"column": "c", "value": "C"}
    assert answer["columns"][0] == "x3"
    assert answer["remedy"] == "retrain"
    assert {"confidence", "evidence", "runners_up"} <= set(answer)


def test_diagnose_tells_a_person_what_why_and_what_to_do(files: Files) -> None:
    ended = run("diagnose", *files, *ROLES)
    assert ended.exit_code == 0
    for words in ("concept_drift", "c = C", "remedy", "retrain"):
        assert words in ended.stdout


def test_a_loss_without_predictions_says_whose_it_is(files: Files) -> None:
    ended = run("diagnose", *files, "--target", "y", "--time", "t")
    assert " of a stand-in, taught on the reference, on " in ended.stdout
    assert "without labels" not in ended.stdout


def test_detect_says_that_the_loss_rose(files: Files) -> None:
    answer = json.loads(run("detect", *files, *ROLES, "--json").stdout)
    assert answer["state"] == "degraded"
    assert answer["performance"]["current"] > answer["performance"]["reference"]


def parquet(path: Path, table: pa.Table) -> None:
    pyarrow.parquet.write_table(table, path)


def cut(path: Path) -> None:
    parquet(path, pa.table({"a": list(range(10_000))}))
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: os.mkfifo(path), "is no plain file"),
        (lambda _: None, "does not exist"),
        (lambda path: path.write_bytes(b"a,b\n1,2\n1,2,3\n"), "neither Parquet nor a clean CSV"),
        (lambda path: path.write_bytes(b"PAR1nonsense"), "cannot be read as Parquet"),
        (cut, "cannot be read as Parquet"),
        (lambda path: parquet(path, pa.table({})), "has no columns"),
        (lambda path: path.write_bytes("a,b\n1,x\n2,é\n".encode("latin-1")), "holds the byte 0xe9 in line 3, which is no UTF-8"),
        (lambda path: path.write_bytes("a,é\n1,x\n".encode("latin-1")), "holds the byte 0xe9 in line 1, which is no UTF-8"),
        (lambda path: path.write_bytes("a,b\n1,2\n".encode("utf-16")), "holds the byte 0xff in line 1, which is no UTF-8"),
        (lambda path: path.write_bytes(b"a,b\n1,\xc3"), "holds the byte 0xc3 in line 2, which is no UTF-8"),
        (lambda path: path.write_bytes(bytes(range(256)) * 100), "which is no UTF-8"),
        (lambda path: path.write_text("a" * 3_000_000 + ",b\n1,2\n"), "has a first line of more than 1048576 bytes"),
        (lambda path: path.write_text("a" * 300_000 + ",b\n1,2\n"), "begins with no line of columns' names"),
        (lambda path: path.write_text("a,b"), "has a single line"),
    ],
)
def test_a_file_that_cannot_be_read_gets_one_sentence(files: Files, tmp_path: Path, make: object, said: str) -> None:
    assert callable(make)
    make(tmp_path / "bad.csv")
    for pair in ((files[0], tmp_path / "bad.csv"), (tmp_path / "bad.csv", files[0])):
        ended = run("detect", *pair)
        assert ended.exit_code == 65
        assert said in ended.stderr
        assert len([line for line in ended.stderr.splitlines() if not line.startswith("· ")]) == 1


def test_a_byte_far_into_a_file_is_named_with_its_line(files: Files, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_bytes(b"a,b\n" + b"1,2\n" * 2_000_000 + b"1,\xe9\n")
    assert "holds the byte 0xe9 in line 2000002" in run("detect", files[0], bad).stderr


@pytest.mark.parametrize(
    ("flag", "name"),
    [("--target", "z"), ("--prediction", "z"), ("--time", "z"), ("--id", "z"), ("--version-column", "z"), ("--segment", "z")],
)
def test_a_column_that_is_not_there_is_named_with_those_that_are(files: Files, flag: str, name: str) -> None:
    ended = run("diagnose", *files, flag, name)
    assert ended.exit_code == 65
    assert f"{flag} names {name!r}, which is in neither {files[0]} nor {files[1]}; the columns are x0, x1" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_the_nearest_column_is_suggested(files: Files) -> None:
    assert "did you mean 'x3'? (columns: x0, " in run("detect", *files, "--categorical", "X3").stderr


def test_of_very_many_columns_some_are_said(tmp_path: Path) -> None:
    wide = tmp_path / "wide.csv"
    wide.write_text(",".join(f"column{n}" for n in range(3000)) + "\n" + ",".join("1" * 3000) + "\n")
    assert "column19 and 2980 more" in run("detect", wide, wide, "--target", "z").stderr


def test_one_column_plays_one_part(files: Files) -> None:
    ended = run("detect", *files, "--target", "y", "--prediction", "y")
    assert (ended.exit_code, ended.stderr) == (
        65,
        "modelmedic: --target and --prediction name the same column 'y'; expected one part for each column\n",
    )


@pytest.mark.parametrize("season", ["nonsense", "", "7", "0d", "-7d", "1.5d", "9999999w", "99999999999d"])
def test_a_nonsensical_season_is_said_with_what_is_allowed(files: Files, season: str) -> None:
    ended = run("diagnose", *files, f"--season={season}")
    assert ended.exit_code == 65
    assert ended.stderr.startswith(f"modelmedic: --season is {season!r}; expected 1h to 3650d: a number and a unit")


def test_the_verdict_path_stays_light() -> None:
    code = "import sys, modelmedic.steps.detection.two_files; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], timeout=60, check=True, capture_output=True, text=True).stdout.split()
    assert "pyarrow" in loaded
    assert not set(loaded) & {"pandas", "evidently", "mlflow", "kserve"}
