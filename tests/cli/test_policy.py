"""A policy is good, or every fault of it is said at once with its line."""

import json
from pathlib import Path

import pytest

from workflows.cli import main

FLIGHTS = Path(__file__).parents[2] / "examples" / "flights.yaml"


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def test_the_example_is_a_good_policy(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("validate", str(FLIGHTS), "--json") == 0
    assert [p["name"] for p in json.loads(capsys.readouterr().out)["policies"]] == ["flights-delay"]


def test_every_fault_is_said_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = FLIGHTS.read_text().replace("window: 7d", "windw: 7d").replace("retrain: approve", "retrain: aprove")
    bad = tmp_path / "bad.yaml"
    bad.write_text(text)
    assert run("validate", str(bad)) == 78
    said = capsys.readouterr().err
    lines = text.splitlines()
    for fault in ("windw: 7d", "retrain: aprove"):
        number = next(i for i, line in enumerate(lines, 1) if fault in line)
        assert f"bad.yaml:{number}" in said


def test_the_schema_knows_every_section(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schema") == 0
    assert {"metadata", "data", "detect", "rules", "limits", "rollout"} <= set(json.loads(capsys.readouterr().out)["properties"])
