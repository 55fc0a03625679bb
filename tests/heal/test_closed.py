"""A workflow that somebody submits again after its incident was closed."""

from pathlib import Path

import pytest

from modelmedic.steps.contracts.errors import Refused
from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.results import RetrainResult
from modelmedic.steps.contracts.training import TrainingPlan
from modelmedic.steps.contracts.words import Outcome, Remedy
from modelmedic.steps.heal.steps import call
from tests.worlds.played import NOW, WINDOW, run, site


@pytest.mark.parametrize("step", ["retrain", "deploy", "rollback", "quarantine"])
def test_a_step_of_a_closed_incident_changes_nothing_any_more(tmp_path: Path, step: str) -> None:
    stale = run(site(tmp_path))
    stale.site.ledger.close(stale.incident, Closing(Outcome.ESCALATED, NOW, "over", "1", "1"))
    inputs = {"version": "2"} if step == "deploy" else {}
    with pytest.raises(Refused, match="is closed"):
        call(step, stale, inputs)


def test_what_a_closed_incident_has_recorded_is_still_answered(tmp_path: Path) -> None:
    stale = run(site(tmp_path))
    stale.record(RetrainResult(TrainingPlan(Remedy.RETRAIN, WINDOW, WINDOW)))
    stale.site.ledger.close(stale.incident, Closing(Outcome.ESCALATED, NOW, "over", "1", "1"))
    assert dict(call("retrain", stale, {})) == {"trained": "no"}
