"""A deployment's facts about its policy reach the predictor unchanged, and any other text is
refused.
"""

from pathlib import Path

import pytest

from modelmedic.steps.adapters.predictor.config import ABOUT, about, from_environment, to_text
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.predictor.command import main
from modelmedic.steps.predictor.options import parse
from tests.worlds.serving import policy

LEAST = ["--model-name=m", "--model-dir=/nowhere", "--version=1"]


def test_a_policys_columns_arrive_as_they_were() -> None:
    facts = about(policy())
    assert from_environment({ABOUT: to_text(facts)}) == facts
    assert parse(LEAST, {ABOUT: to_text(facts)}).about == facts


def test_nothing_said_is_nothing_known() -> None:
    assert from_environment({}) is None
    assert parse(LEAST, {}).about is None


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"model": "m"}', '{"numeric": 1, "categorical": []}'])
def test_what_nobody_of_ours_wrote_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=f"{ABOUT} is"):
        from_environment({ABOUT: text})


def test_a_predictor_with_a_garbled_environment_ends_with_65(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(ABOUT, "{")
    assert main([*LEAST[:1], f"--model-dir={tmp_path}", "--version=1"]) == BadInput.exit_code
