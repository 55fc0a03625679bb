"""The traces of a heal that did nothing, for the monitor: a harmless shift is silenced for a while,
one that was held back is not.
"""

from pathlib import Path

import pytest

from modelmedic.steps.contracts.decision import Decision, Objection
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.results import DiagnoseResult
from modelmedic.steps.contracts.words import Autonomy, Cause, Remedy
from modelmedic.steps.heal.close import close
from tests.worlds.played import run, site

HELD = Objection("patience", "a challenger was rejected a week ago")


@pytest.mark.parametrize(("objections", "columns"), [((), ("age",)), ((HELD,), ())])
def test_only_a_shift_that_needs_nothing_is_acknowledged(
    tmp_path: Path, objections: tuple[Objection, ...], columns: tuple[str, ...]
) -> None:
    ended = run(site(tmp_path))
    found = Diagnosis(Cause.COVARIATE_SHIFT, 0.9, ("age",), sentence="age moved")
    wanted, sentence = Remedy.RETRAIN if objections else Remedy.NONE, "held back because a challenger was rejected a week ago"
    decided = Decision(Remedy.NONE, wanted, "moved", Autonomy.ACT, objections=objections, sentence=sentence)
    ended.record(DiagnoseResult(found, decided, "1"))
    assert dict(close(ended)) == {"outcome": "no_action"}
    closing = ended.site.ledger.closing(ended.incident)
    assert closing is not None
    assert closing.sentence == (sentence if objections else "age moved")
    assert tuple(column for note in ended.site.history.acknowledged("churn") for column in note.columns) == columns
