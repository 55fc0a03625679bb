"""A heal that a person took up from a suggestion does what was suggested."""

from pathlib import Path

import pyarrow as pa

from modelmedic.steps.contracts.results import DiagnoseResult
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Autonomy, Cause, Outcome, Remedy
from modelmedic.steps.heal.close import close
from modelmedic.steps.heal.diagnose import diagnose
from modelmedic.steps.heal.quarantine import quarantine
from modelmedic.steps.incidents.opening import open_incident
from modelmedic.steps.incidents.taking_up import take_up
from modelmedic.steps.runtime.run import Run
from tests.data.log import DAY, START, policy
from tests.worlds.detection import monitored_site


def empty_income(table: pa.Table) -> pa.Table:
    return table.set_column(table.column_names.index("income"), "income", pa.nulls(table.num_rows, pa.float64()))


def test_what_was_suggested_is_done_once_a_person_took_it_up(tmp_path: Path) -> None:
    here = monitored_site(tmp_path, policy(autonomy={"quarantine": "suggest"}))
    here.aliases.known = ModelVersion("loans", "1", "d1" * 32, "models/1")
    here.serve(0)
    here.serve(7, change=empty_income)
    here.at(15)
    window = Window(START + 7 * DAY, START + 14 * DAY)
    suggestion = Run(here.site, open_incident(here.site, window, "drift-verdict", {})[0])
    assert diagnose(suggestion)["remedy"] == Remedy.NONE.value
    assert close(suggestion)["outcome"] == Outcome.SUGGESTED.value
    taken = take_up(here.site, suggestion.incident, "ann")
    assert diagnose(taken)["remedy"] == Remedy.QUARANTINE.value
    found = taken.result(DiagnoseResult)
    assert (found.diagnosis.cause, found.decision.autonomy) == (Cause.DATA_QUALITY, Autonomy.ACT)
    assert "which a person took up" in found.decision.sentence
    quarantine(taken)
    assert close(taken)["outcome"] == Outcome.QUARANTINED.value
    assert here.site.history.quarantined("loans") == (window,)
