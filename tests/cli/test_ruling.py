"""`modelmedic heal --cause` refuses in one sentence what the loop was not in doubt about."""

from pathlib import Path

import pytest

from modelmedic.steps.contracts.words import Outcome
from tests.cli.program import run
from tests.cli.records import Records


def test_an_incident_whose_cause_is_known_is_not_ruled_on(records: Records, tmp_path: Path) -> None:
    incident = records.opened()
    records.closed(incident, Outcome.ESCALATED)
    ended = run("heal", incident.id, "--cause", "concept_drift", "--by", "ann", "--home", tmp_path)
    assert (ended.exit_code, ended.stderr.count("\n")) == (77, 1)
    assert "a person rules only where it is insufficient_evidence" in ended.stderr
    assert records.ledger.current("flights") is None


@pytest.mark.parametrize(
    "arguments",
    [("x-1", "--cause", "bad luck"), ("--cause", "concept_drift"), ("x-1", "--take-up", "--cause", "concept_drift")],
    ids=["no cause", "no incident", "a suggestion as well"],
)
def test_what_cannot_be_meant_is_a_usage_error(arguments: tuple[str, ...], tmp_path: Path) -> None:
    assert run("heal", *arguments, "--home", tmp_path).exit_code == 2
