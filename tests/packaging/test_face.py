"""The public Python face: light to import, one answer for every kind of table, the command's
answer.
"""

import json
import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import modelmedic
from modelmedic.examples.two_windows import START, window
from modelmedic.workflows.cli import main

ROOT = Path(__file__).parents[2]
ROLES = {"target": "defaulted", "prediction": "risk", "time": "time"}
FLAGS = [word for name, column in ROLES.items() for word in (f"--{name}", column)]
HEAVY = ("numpy", "pyarrow", "pandas", "scipy", "pydantic", "click", "jinja2", "yaml", "mlflow", "hera", "sklearn", "modelmedic.steps")


@pytest.fixture(scope="module")
def tables() -> tuple[pa.Table, pa.Table]:
    return window(4_000, 1, START, drifted=False), window(3_000, 2, START + 40 * 86400, drifted=True)


@pytest.fixture(scope="module")
def files(tables: tuple[pa.Table, pa.Table], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("windows")
    for name, table in zip(("reference", "current"), tables, strict=True):
        pq.write_table(table, folder / f"{name}.parquet")
    return str(folder / "reference.parquet"), str(folder / "current.parquet")


def test_the_import_brings_nothing_heavy() -> None:
    code = "import sys, modelmedic; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, timeout=30, cwd=ROOT, capture_output=True, text=True)
    assert sorted(set(done.stdout.split()) & set(HEAVY)) == []


def test_a_monitor_that_starts_brings_no_scipy() -> None:
    """It takes two seconds, which every look would pay."""
    code = "import sys, modelmedic.steps.detection.monitor; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd=ROOT, capture_output=True, text=True)
    assert "scipy" not in done.stdout.split()


def test_every_public_name_is_there_and_documented() -> None:
    assert set(modelmedic.__all__) == set(modelmedic._MODULES)
    for name in modelmedic.__all__:
        assert getattr(modelmedic, name).__doc__ or issubclass(getattr(modelmedic, name), modelmedic.ModelmedicError), name
        assert name in dir(modelmedic)
    with pytest.raises(AttributeError, match="has no attribute 'heal'"):
        modelmedic.heal  # noqa: B018


@pytest.mark.parametrize("kind", ["arrow", "pandas", "filtered pandas", "polars", "files"])
def test_every_kind_of_table_gets_the_same_verdict(tables: tuple[pa.Table, pa.Table], files: tuple[str, str], kind: str) -> None:
    convert = {
        "arrow": lambda table: table,
        "pandas": lambda table: table.to_pandas(),
        "filtered pandas": lambda table: table.to_pandas().loc[lambda frame: frame["age"] > -9],
        "polars": pl.from_arrow,
    }
    given = files if kind == "files" else [convert[kind](table) for table in tables]
    said, expected = modelmedic.detect(*given, **ROLES), modelmedic.detect(*tables, **ROLES)
    assert (said.state, said.sentence) == (expected.state, expected.sentence)
    assert [shift.column for shift in said.shifts] == [shift.column for shift in expected.shifts]


def test_the_functions_answer_what_the_commands_print(files: tuple[str, str]) -> None:
    assert modelmedic.detect(*files, **ROLES).to_dict() == _printed("detect", *files)
    assert _rounded(modelmedic.diagnose(*files, **ROLES).to_dict()) == _rounded(_printed("diagnose", *files))


def test_an_answer_is_a_frozen_value_that_reads_well(tables: tuple[pa.Table, pa.Table]) -> None:
    opinion = modelmedic.diagnose(*tables, **ROLES)
    assert repr(opinion).startswith(
        f"Opinion({opinion.cause.value}, {opinion.confidence:.0%} sure, remedy {opinion.remedy.value}, columns: "
    )
    with pytest.raises(FrozenInstanceError):
        opinion.names = ("a", "b")  # type: ignore[misc]


@pytest.mark.parametrize("function", ["detect", "diagnose"])
def test_the_html_of_an_answer_is_inert_and_styles_itself_alone(tables: tuple[pa.Table, pa.Table], function: str) -> None:
    html = getattr(modelmedic, function)(*tables, **ROLES)._repr_html_()
    assert html.strip().startswith('<div class="modelmedic"><style>.modelmedic{')
    assert html.strip().endswith("</div>")
    assert "<script" not in html
    assert "<svg" in html
    style = html.split("<style>")[1].split("</style>")[0]
    assert ":root" not in style
    assert "body{" not in style
    assert style.count("{") == style.count("}")


def test_names_in_the_html_are_escaped(tables: tuple[pa.Table, pa.Table]) -> None:
    renamed = [table.rename_columns(["<b>x" if name == "income" else name for name in table.column_names]) for table in tables]
    assert "<b>x" not in modelmedic.detect(*renamed, **ROLES)._repr_html_()


def test_a_wrong_column_or_table_is_one_sentence(tables: tuple[pa.Table, pa.Table], tmp_path: Path) -> None:
    with pytest.raises(modelmedic.BadInput, match=r"target names 'defaultd', .* did you mean 'defaulted'"):
        modelmedic.detect(*tables, target="defaultd")
    with pytest.raises(modelmedic.BadInput, match="reference is a int; expected a DataFrame"):
        modelmedic.diagnose(3, tables[1])  # type: ignore[arg-type]
    with pytest.raises(modelmedic.BadInput, match="task is 'ranking'; expected one of binary, regression"):
        modelmedic.detect(*tables, task="ranking")  # type: ignore[arg-type]
    with pytest.raises(modelmedic.BadInput, match="does not exist"):
        modelmedic.detect(tmp_path / "no.parquet", tables[1])


def test_a_report_is_the_page_of_the_command(tables: tuple[pa.Table, pa.Table], tmp_path: Path) -> None:
    page = modelmedic.diagnose(*tables, **ROLES).report(tmp_path / "page.html")
    assert page.read_text().startswith("<!doctype html>")


def test_manifests_are_those_of_the_command(tmp_path: Path) -> None:
    made = modelmedic.render(
        ["examples/flights/policy.yaml", "examples/regression/policy.yaml"], platform="k8s/platform.yaml", defaults=["k8s/defaults.yaml"]
    )
    assert made.compare(ROOT).empty
    assert made.write(tmp_path).added
    assert made.compare(tmp_path).empty
    assert repr(made) == f"Manifests({len(made.files)} files for flights-delay, temperature-tomorrow)"
    assert "heal.yaml" in made._repr_html_()


def test_a_submission_needs_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARGO_SERVER", raising=False)
    with pytest.raises(modelmedic.BadInput, match=r"server is not given; expected an address .* ARGO_SERVER"):
        modelmedic.submit("monitor", "flights-delay")


def _printed(command: str, *files: str) -> dict[str, object]:
    done = CliRunner().invoke(main, [command, *files, *FLAGS, "--json"], catch_exceptions=False)
    printed: dict[str, object] = json.loads(done.stdout)
    return printed


def _rounded(value: object) -> object:
    return json.loads(json.dumps(value, default=str), parse_float=lambda text: round(float(text), 9))
