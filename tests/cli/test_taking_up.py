"""`modelmedic heal INCIDENT --take-up` refuses in one sentence what nobody suggested."""

from pathlib import Path

import pytest

from modelmedic.steps.contracts.words import Outcome
from tests.cli.program import run
from tests.cli.records import Records


@pytest.mark.parametrize("outcome", [Outcome.HEALED, Outcome.OBSERVED])
def test_what_was_not_suggested_cannot_be_taken_up(records: Records, tmp_path: Path, outcome: Outcome) -> None:
    incident = records.opened()
    records.closed(incident, outcome)
    ended = run("heal", incident.id, "--take-up", "--by", "ann", "--home", tmp_path)
    assert (ended.exit_code, ended.stderr.count("\n")) == (77, 1)
    assert f"ended as {outcome.value}; expected one that ended as suggested" in ended.stderr
    assert records.ledger.current("flights") is None


def test_the_incident_has_to_be_named() -> None:
    ended = run("heal", "--policy", "flights.yaml", "--take-up")
    assert (ended.exit_code, "--cause and --take-up go alone" in ended.stderr) == (2, True)
