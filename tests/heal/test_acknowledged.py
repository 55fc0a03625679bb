"""What a heal that did nothing leaves for the monitor: a harmless shift is silenced for a while,
one that was held back is not.
"""

from pathlib import Path
from typing import Any

import pytest

from modelmedic.steps.contracts.codec import to_plain
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.heal.close import close
from tests.worlds.played import run, site

HELD = {"limit": "patience", "sentence": "a challenger was rejected a week ago"}


@pytest.mark.parametrize(("objections", "columns"), [([], ("age",)), ([HELD], ())])
def test_only_a_shift_that_needs_nothing_is_acknowledged(
    tmp_path: Path, objections: list[dict[str, str]], columns: tuple[str, ...]
) -> None:
    ended = run(site(tmp_path))
    found = Diagnosis(Cause.COVARIATE_SHIFT, 0.9, ("age",), sentence="age moved")
    decision: dict[str, Any] = {"remedy": "none", "wanted": "retrain" if objections else "none", "autonomy": "act", "rule": "moved"}
    decision |= {"objections": objections, "sentence": "held back because a challenger was rejected a week ago"}
    outputs = {"remedy": "none", "approval": "not-needed"}
    ended.record("diagnose", {"diagnosis": to_plain(found), "decision": decision, "champion": "1", "outputs": outputs})
    assert dict(close(ended)) == {"outcome": "no_action"}
    closing = ended.site.ledger.closing(ended.incident)
    assert closing is not None
    assert closing.sentence == (decision["sentence"] if objections else "age moved")
    assert tuple(column for note in ended.site.history.acknowledged("churn") for column in note.columns) == columns
