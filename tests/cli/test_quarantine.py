"""People list what is set aside, and release it by one command that says by whom and why."""

import json
from pathlib import Path

import pytest

from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.records.history import History
from tests.cli.program import run
from tests.cli.records import WEEK, Records


@pytest.fixture
def aside(records: Records) -> Incident:
    incident = records.opened()
    history(records).quarantine("flights", WEEK, columns=("distance",), reason="distance is in miles [now]", incident=incident.id)
    return incident


@pytest.fixture
def rules(records: Records, tmp_path: Path) -> Path:
    file = tmp_path / "flights.json"
    file.write_text(records.policy.model_dump_json(by_alias=True))
    return file


def history(records: Records) -> History:
    return History(records.store, records.clock)


def test_what_is_set_aside_is_listed_and_released(records: Records, aside: Incident, rules: Path) -> None:
    listed = run("quarantine", "list").stdout
    assert listed.startswith(f"set aside  flights  {WEEK}  distance  {aside.id}: distance is in miles [now]")
    done = run("quarantine", "release", rules, aside.id, "--by", "alice", "--why", "miles it is")
    assert done.stdout.startswith(f"{aside.id}: released (alice (unverified) approved: miles it is)")
    assert history(records).quarantined("flights") == ()
    after = run("quarantine", "list", "flights").stdout.splitlines()
    assert after[0].startswith("released  flights")
    assert after[1].startswith("  by alice at ")
    assert after[1].endswith("miles it is")


def test_a_dry_run_releases_nothing(records: Records, aside: Incident, rules: Path) -> None:
    said = json.loads(run("quarantine", "release", rules, aside.id, "--by", "alice", "--why", "x", "--dry-run", "--json").stdout)
    assert (said["dry_run"], said["released"], said["incident"]) == (True, True, aside.id)
    assert history(records).quarantined("flights") == (WEEK,)


def test_a_reason_is_needed_and_an_incident_without_rows_is_named(records: Records, aside: Incident, rules: Path) -> None:
    assert run("quarantine", "release", rules, aside.id, "--by", "alice").exit_code == 2
    other = Records(records.root, "loans").opened()
    refused = run("quarantine", "release", rules, other.id, "--by", "alice", "--why", "x")
    assert refused.exit_code == 65
    assert f"incident {other.id} is of model loans; expected one of flights" in refused.stderr


def test_nothing_set_aside_is_said(records: Records) -> None:
    records.opened()
    ended = run("quarantine", "list")
    assert (ended.stdout, ended.stderr) == ("", "nothing was set aside\n")
