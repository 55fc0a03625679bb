"""A policy is good, or every fault of it is said at once with its line; what holds where it is
silent can be seen.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from modelmedic.steps.adapters.policy.file import load_policy
from tests.cli.program import run

POLICY = """\
apiVersion: modelmedic.io/v1alpha1
kind: HealingPolicy
metadata:
  name: flights
  owner: flight-ops
serving:
  inferenceService: flights
registry:
  name: flights
data:
  task: binary
  target: delayed
  time: time_hour
  numeric: [distance]
  categorical: [carrier]
detect:
  window: 7d
autonomy:
  retrain: approve
"""
DEFAULTS = """\
apiVersion: modelmedic.io/v1alpha1
kind: HealingPolicyDefaults
detect:
  window: 14d
  minRows: 300
approval:
  approvers: [alice, bob]
"""
OVERLAY = """\
apiVersion: modelmedic.io/v1alpha1
kind: HealingPolicyOverlay
serving:
  namespace: prod
autonomy:
  retrain: observe
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    return written(tmp_path / "policy.yaml", POLICY)


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_good_policy_is_said_to_be_one(policy: Path) -> None:
    ended = run("validate", policy)
    assert (ended.exit_code, ended.stdout) == (0, f"{policy}: ok, HealingPolicy flights\n")
    (said,) = json.loads(run("validate", policy, "--json").stdout)["policies"]
    assert said["hash"] == load_policy(policy).hash


@pytest.mark.parametrize(("ago", "said"), [(181, True), (179, False)])
def test_a_rule_that_nobody_looked_at_for_half_a_year_is_named_and_no_fault(tmp_path: Path, ago: int, said: bool) -> None:
    day = (datetime.now(UTC) - timedelta(days=ago)).date()
    rule = f"rules:\n- {{id: own, cause: seasonal, remedy: none, owner: risk, reviewed: {day}}}\n"
    ended = run("validate", written(tmp_path / "policy.yaml", POLICY + rule))
    assert (ended.exit_code, f"rule own of risk was looked at on {day} last" in ended.stderr) == (0, said)


def test_the_former_spelling_of_the_api_version_is_read_with_one_warning(
    policy: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    former = written(tmp_path / "former.yaml", POLICY.replace("modelmedic.io/", "modelmedic/"))
    assert load_policy(former) == load_policy(policy)
    assert caplog.messages == [f"{former}:1: apiVersion is modelmedic/v1alpha1, as it was spelt formerly; write modelmedic.io/v1alpha1"]


def test_every_fault_of_every_file_is_said_with_its_line_and_a_suggestion(policy: Path, tmp_path: Path) -> None:
    text = POLICY.replace("window: 7d", "windw: 7d").replace("retrain: approve", "retrain: aprove")
    bad = written(tmp_path / "bad.yaml", text)
    ended = run("validate", bad, policy, tmp_path / "nowhere.yaml")
    assert ended.exit_code == 78
    assert ended.stdout == f"{policy}: ok, HealingPolicy flights\n"
    assert f"{bad}:17: detect.windw is no key of detect; did you mean window?" in ended.stderr
    assert f"{bad}:19: autonomy.retrain is aprove" in ended.stderr
    assert "did you mean approve?" in ended.stderr
    assert "nowhere.yaml: cannot be read (no such file or directory)" in ended.stderr


def test_a_program_gets_the_faults_as_data(tmp_path: Path) -> None:
    bad = written(tmp_path / "bad.yaml", POLICY.replace("task: binary", "task: ternary"))
    ended = run("validate", bad, "--json")
    answer = json.loads(ended.stdout)
    assert (ended.exit_code, answer["ok"]) == (78, False)
    assert [(fault["file"], fault["line"]) for fault in answer["faults"]] == [(str(bad), 11)]
    assert "one of binary, regression" in answer["faults"][0]["sentence"]


def test_a_file_named_twice_is_no_namesake_of_itself(policy: Path) -> None:
    assert run("validate", policy, policy.parent / "." / policy.name).exit_code == 0


def test_two_policies_of_one_name_are_refused(policy: Path, tmp_path: Path) -> None:
    ended = run("validate", policy, written(tmp_path / "copy.yaml", POLICY))
    assert ended.exit_code == 78
    assert f"metadata.name is flights, as in {policy}:4" in ended.stderr


@pytest.mark.parametrize("text", ["", "- a\n", "!!map {a: b}\n", "*x\n", "a: [1\n", "%YAML 1.1\n---\na: b\n", "\t- a\n", "a: 1\na: 2\n"])
def test_what_is_no_policy_at_all_gets_sentences_and_no_traceback(tmp_path: Path, text: str) -> None:
    bad = written(tmp_path / "bad.yaml", text)
    for arguments in (["validate", bad], ["validate", bad, "--defaults", bad], ["defaults", bad, "--overlay", bad]):
        ended = run(*arguments)
        assert ended.exit_code == 78
        assert "bad.yaml" in ended.stderr


def test_a_folder_is_no_policy(tmp_path: Path) -> None:
    ended = run("validate", tmp_path)
    assert (ended.exit_code, ended.stderr) == (78, f"modelmedic: {tmp_path}: cannot be read (is a directory); expected a YAML file\n")


def test_layers_are_checked_by_themselves(tmp_path: Path) -> None:
    below, above = written(tmp_path / "below.yaml", DEFAULTS), written(tmp_path / "above.yaml", OVERLAY)
    assert run("validate", below, above).stdout == f"{below}: ok, HealingPolicyDefaults\n{above}: ok, HealingPolicyOverlay\n"


def test_a_layer_in_the_wrong_place_is_told_where_it_belongs(policy: Path, tmp_path: Path) -> None:
    ended = run("validate", policy, "--defaults", written(tmp_path / "above.yaml", OVERLAY))
    assert ended.exit_code == 78
    assert "expected HealingPolicyDefaults here; give this file with --overlay" in ended.stderr


def test_every_value_is_shown_with_its_origin(policy: Path, tmp_path: Path) -> None:
    below, above = written(tmp_path / "below.yaml", DEFAULTS), written(tmp_path / "above.yaml", OVERLAY)
    ended = run("defaults", policy, "--defaults", below, "--overlay", above, "--json")
    stated = {path: (said["value"], said["origin"]) for path, said in json.loads(ended.stdout).items()}
    assert stated["detect.window"] == ("7d", f"{policy}:17")
    assert stated["detect.minRows"] == (300, f"{below}:5")
    assert stated["approval.approvers"] == (["alice", "bob"], f"{below}:7")
    assert stated["autonomy.retrain"] == ("observe", f"{above}:6")
    assert stated["limits.settle"] == ("auto", "default")


def test_what_defaults_shows_is_the_same_policy_written_out(policy: Path, tmp_path: Path) -> None:
    shown = run("defaults", policy).stdout
    assert f"  window: 7d{' ' * 4}" in shown
    assert load_policy(written(tmp_path / "whole.yaml", shown)).hash == load_policy(policy).hash


@pytest.mark.parametrize("kind", ["HealingPolicy", "HealingPolicyDefaults", "HealingPolicyOverlay"])
def test_the_schema_knows_every_section_of_each_kind(kind: str) -> None:
    schema = json.loads(run("schema", "--kind", kind).stdout)
    assert {"metadata", "data", "detect", "rules", "limits", "rollout"} <= set(schema["properties"])
    assert schema["title"] == kind


def test_the_schema_is_written_to_a_file_or_it_is_said_why_not(tmp_path: Path) -> None:
    assert run("schema", "--out", tmp_path / "schema.json").exit_code == 0
    assert json.loads((tmp_path / "schema.json").read_text())["title"] == "HealingPolicy"
    ended = run("schema", "--out", tmp_path / "no" / "schema.json")
    assert ended.exit_code == 65
    assert "cannot be written (no such file or directory)" in ended.stderr


def hourly(path: Path, hours: int = 3000) -> Path:
    times = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(hours)]
    pyarrow.parquet.write_table(pa.table({"time_hour": times, "distance": np.arange(float(hours))}), path)
    return path


def test_what_can_never_pass_at_the_rate_of_a_file_is_a_fault_with_its_line(policy: Path, tmp_path: Path) -> None:
    ended = run("validate", policy, "--data", hourly(tmp_path / "rows.parquet"))
    assert ended.exit_code == 78
    assert "policy.yaml:16: No window can be judged: 24 rows a day are 168 in a week, and 500 are asked for" in ended.stderr
    assert "No challenger can pass: 24 rows a day, and 100 are asked for within an hour. Set rollout.minRequests and" in ended.stderr


def test_what_can_pass_is_said_with_the_rate(tmp_path: Path) -> None:
    text = POLICY.replace("window: 7d", "window: 28d") + "rollout: {steps: [50], minRequests: 20, hold: 12h, deadline: 5d}\n"
    good = written(tmp_path / "policy.yaml", text)
    ended = run("validate", good, "--data", hourly(tmp_path / "rows.parquet"))
    assert (ended.exit_code, ended.stdout) == (0, f"{good}: ok, HealingPolicy flights; it can pass at 24 rows a day\n")
    as_json = json.loads(run("validate", good, "--data", tmp_path / "rows.parquet", "--json").stdout)
    assert as_json["policies"][0]["rate"] == "24 rows a day"


def test_the_rate_is_read_from_the_inference_log(policy: Path, tmp_path: Path) -> None:
    assert run("validate", policy, "--home", tmp_path / "home").exit_code == 0
    now = datetime.now(UTC)
    times = [now - timedelta(hours=hour) for hour in range(1, 600)]
    rows = {"time_hour": times, "distance": np.arange(599.0), "carrier": ["a"] * 599, "prediction": np.full(599, 0.5)}
    pyarrow.parquet.write_table(pa.table(rows), tmp_path / "asked.parquet")
    assert run("log", policy, "--requests", tmp_path / "asked.parquet", "--version", "1", "--home", tmp_path / "home").exit_code == 0
    ended = run("validate", policy, "--home", tmp_path / "home")
    assert (ended.exit_code, "No challenger can pass: 24 rows a day" in ended.stderr) == (78, True)


def test_rows_of_one_model_judge_one_policy(policy: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "other.yaml", POLICY.replace("name: flights", "name: others"))
    ended = run("validate", policy, other, "--data", hourly(tmp_path / "rows.parquet"))
    assert (ended.exit_code, "name one POLICY with it" in ended.stderr) == (2, True)
    pyarrow.parquet.write_table(pa.table({"x": [1.0]}), tmp_path / "x.parquet")
    stranger = run("validate", policy, "--data", tmp_path / "x.parquet")
    assert (stranger.exit_code, "column time_hour, the policy's data.time, is not in" in stranger.stderr) == (65, True)
    pyarrow.parquet.write_table(pa.table({"time_hour": ["soon", "later"]}), tmp_path / "x.parquet")
    timeless = run("validate", policy, "--data", tmp_path / "x.parquet")
    assert (timeless.exit_code, "holds fewer than two different times" in timeless.stderr) == (65, True)
