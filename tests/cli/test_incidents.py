"""Incidents are listed as they stand, and one of them is told from the alert to the close."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Outcome
from tests.cli.program import run
from tests.cli.records import DIGEST, WEEK, Records


def test_the_list_says_what_each_incident_is_at(records: Records) -> None:
    first = records.validated(approval="not-needed")
    records.closed(first)
    records.ledger.assess(first, True, "the loss fell by 0.1")
    second = records.validated()
    lines = run("incidents").stdout.splitlines()
    assert lines[0].split() == ["id", "model", "opened", "(UTC)", "alert", "cause", "remedy", "outcome", "effective"]
    assert lines[1].split()[-4:] == ["concept_drift", "retrain", "healed", "yes"]
    assert lines[2].startswith(f" {second.id}")
    assert lines[2].rstrip().endswith("waits for an answer")


@pytest.mark.parametrize("columns", [40, 80, 100])
def test_an_id_can_be_copied_however_narrow_the_terminal_is(records: Records, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    named = Records(records.root, "a-model-with-quite-a-long-name-of-its-own")
    incident = named.validated()
    monkeypatch.setenv("COLUMNS", str(columns))
    assert incident.id in run("incidents").stdout


def test_a_program_gets_the_list_as_data(records: Records) -> None:
    incident = records.validated()
    (row,) = json.loads(run("incidents", "--json").stdout)["incidents"]
    assert (row["id"], row["model"], row["alert"]) == (incident.id, "flights", "DriftDetected")
    assert (row["cause"], row["remedy"], row["waiting_for"], row["outcome"]) == ("concept_drift", "retrain", "approve", None)


def test_the_list_is_cut_by_model_and_by_being_open(records: Records) -> None:
    closed = records.opened()
    records.closed(closed, Outcome.NO_ACTION)
    opened = records.opened()
    other = Records(records.root, "loans").opened()

    def listed(*arguments: str) -> set[str]:
        return {row["id"] for row in json.loads(run("incidents", *arguments, "--json").stdout)["incidents"]}

    assert listed() == {closed.id, opened.id, other.id}
    assert listed("--model", "flights") == {closed.id, opened.id}
    assert listed("--open") == {opened.id, other.id}
    assert listed("--open", "--model", "loans") == {other.id}


def test_a_model_that_is_not_there_is_answered_with_those_that_are(records: Records) -> None:
    records.opened()
    ended = run("incidents", "--model", "flihgts")
    assert ended.exit_code == 65
    assert "model 'flihgts' has no records in this store; did you mean flights?" in ended.stderr


def test_the_whole_story_is_told(records: Records) -> None:
    incident = records.validated()
    later = Window(WEEK.start + timedelta(hours=1), WEEK.end + timedelta(hours=1))
    records.ledger.open_incident("flights", records.policy.hash, later, "LossRose", {})
    records.asked(incident)
    run("approve", incident.id, "--by", "alice", "--reason", "looks right")
    records.ledger.record_stage(incident, "deploy", {"outputs": {"outcome": "healed"}})
    records.ledger.record_stage(incident, "close", {"report": "reports/x.html", "outputs": {"outcome": "healed"}})
    records.closed(incident)
    records.ledger.assess(incident, False, "the loss did not fall")
    said = run("incidents", incident.id).stdout
    for sentence in (
        f"{incident.id}: healed",
        "by DriftDetected (severity page)",
        "LossRose",
        "concept_drift (93% sure): labels behave differently over [bold]income[/bold]",
        "income, region",
        "region = south",
        "2026-01-03 04:05 UTC",
        "the loss rose by 0.2",
        "none (7%): nothing else",
        "retrain (autonomy approve; rule proved-drift",
        "passed  auc 0.71 against 0.64",
        f"validate: digest {DIGEST[:12]}, passed yes, version 4",
        "deploy: outcome healed",
        f"alice (unverified) approved model {DIGEST[:12]}: looks right",
        "version 4 serves",
        "3 before, 4 after",
        "no: the loss did not fall",
        "reports/x.html in the store",
    ):
        assert sentence in said


def test_the_story_leads_to_what_a_browser_shows_of_it(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    incident = records.validated()
    records.ledger.record_stage(incident, "report", {"pages": ["reports/x/evidently.html"], "outputs": {"written": "yes"}})
    records.ledger.record_stage(incident, "close", {"report": "reports/x/incident.html", "outputs": {"outcome": "healed"}})
    monkeypatch.setenv("MODELMEDIC_LINK_ARGO", "https://argo.example")
    store = records.root.absolute().as_uri()
    assert json.loads(run("incidents", incident.id, "--json").stdout)["links"] == {
        "report": f"{store}/reports/x/incident.html",
        "evidently": f"{store}/reports/x/evidently.html",
        "run": f"https://argo.example/workflows/modelmedic/heal-{incident.id}",
    }
    assert f"evidently {store}/reports/x/evidently.html" in run("incidents", incident.id).stdout


def test_the_story_as_data_has_every_stage_in_the_order_of_the_table(records: Records) -> None:
    incident = records.validated()
    records.asked(incident)
    found = json.loads(run("incidents", incident.id, "--json").stdout)
    assert list(found["stages"]) == ["diagnose", "validate", "approve-request"]
    assert found["waiting_for"]["digest"] == DIGEST
    assert (found["closing"], found["answers"]) == (None, [])


def test_an_open_incident_without_any_stage_can_be_told(records: Records) -> None:
    ended = run("incidents", records.opened().id)
    assert (ended.exit_code, ended.stdout.splitlines()[0].endswith(": open")) == (0, True)


@pytest.mark.parametrize(
    ("identity", "said"),
    [("nonsense", "incident id is 'nonsense'; expected <model>-"), ("flights-00000000-1", "is not in the ledger")],
)
def test_an_incident_that_is_not_there_is_said_so(records: Records, identity: str, said: str) -> None:
    records.opened()
    ended = run("incidents", identity)
    assert (ended.exit_code, said in ended.stderr) == (65, True)


def test_a_store_without_records_is_another_one_than_was_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODELMEDIC_STORE", raising=False)
    monkeypatch.chdir(tmp_path)
    for command in (["incidents"], ["audit", "verify"], ["audit", "show"], ["freeze", "--all"], ["approve", "flights-00000000-1"]):
        ended = run(*command)
        assert ended.exit_code == 65
        assert f"the store at {tmp_path}/.modelmedic/store holds no records" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_store_is_found_by_option_environment_or_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODELMEDIC_STORE", raising=False)
    incident = Records(tmp_path / "home" / "store").opened()
    for arguments, environment in (
        (["--home", tmp_path / "home"], {}),
        (["--store", tmp_path / "home" / "store"], {"MODELMEDIC_STORE": "elsewhere"}),
        ([], {"MODELMEDIC_STORE": f"file://{tmp_path}/home/store"}),
        ([], {"MODELMEDIC_HOME": str(tmp_path / "home")}),
    ):
        assert incident.id in run("incidents", "--json", *arguments, env=environment).stdout


def test_looking_changes_nothing(records: Records) -> None:
    incident = records.validated()
    before = {path: path.read_bytes() for path in records.root.rglob("*") if path.is_file()}
    for command in (["incidents"], ["incidents", incident.id], ["audit", "show"], ["audit", "verify"], ["freeze"]):
        assert run(*command).exit_code == 0
    assert {path: path.read_bytes() for path in records.root.rglob("*") if path.is_file()} == before
