"""An edit of a policy changes the lines that it is about, and no other."""

from pathlib import Path

import pytest

from modelmedic.steps.adapters.policy.edit import with_rule, with_rule_fields
from modelmedic.steps.contracts.errors import BadInput

FILE = Path("policy.yaml")
TEXT = """\
kind: HealingPolicy # of loans
rules:
  # drift asks first
  - id: drift
    cause: concept_drift
    maxAutonomy: act  # since May
    remedy: retrain
  - id: broken
    cause: data_quality
    remedy: quarantine
limits:
  healsPerWeek: 2
"""


def changed(now: str, was: str = TEXT) -> list[str]:
    """The lines that are new, and those that are gone with a minus."""
    before, after = was.splitlines(), now.splitlines()
    return [f"-{line}" for line in before if line not in after] + [line for line in after if line not in before]


def test_a_field_that_is_there_is_changed_in_its_line_with_its_comment() -> None:
    now = with_rule_fields(TEXT, FILE, "drift", {"maxAutonomy": "approve"})
    assert changed(now) == ["-    maxAutonomy: act  # since May", "    maxAutonomy: approve  # since May"]


def test_a_field_that_is_not_there_comes_behind_the_id() -> None:
    now = with_rule_fields(TEXT, FILE, "broken", {"minConfidence": 0.95})
    assert changed(now) == ["    minConfidence: 0.95"]
    assert now.splitlines()[8] == "    minConfidence: 0.95"


def test_a_new_rule_comes_first() -> None:
    now = with_rule(TEXT, FILE, {"id": "new", "cause": "ageing", "remedy": "none"})
    assert now.splitlines()[3:6] == ["  - id: new", "    cause: ageing", "    remedy: none"]
    assert changed(now) == ["  - id: new", "    cause: ageing", "    remedy: none"]


@pytest.mark.parametrize(
    "text", ["kind: HealingPolicy\n", "kind: HealingPolicy\nrules: []\n", "rules:  # none yet\nkind: HealingPolicy\n"], ids=repr
)
def test_a_policy_without_rules_gets_a_list_of_them(text: str) -> None:
    now = with_rule(text, FILE, {"id": "new", "cause": "ageing"})
    assert "rules:" in now
    assert "- id: new\n  cause: ageing\n" in now
    assert with_rule_fields(now, FILE, "new", {"cause": "seasonal"}) == now.replace("ageing", "seasonal")


@pytest.mark.parametrize("text", ["rules:\n  - {id: drift, cause: ageing}\n", "rules: [{id: drift, cause: ageing}]\n"], ids=repr)
def test_rules_in_one_line_are_left_to_a_person(text: str) -> None:
    with pytest.raises(BadInput, match="by hand"):
        with_rule_fields(text, FILE, "drift", {"cause": "seasonal"})


def test_a_list_in_one_line_takes_no_rule() -> None:
    with pytest.raises(BadInput, match="add the rule by hand"):
        with_rule("rules: [{id: drift, cause: ageing}]\n", FILE, {"id": "new"})


def test_a_rule_that_the_file_does_not_have_is_named() -> None:
    with pytest.raises(BadInput, match=r"policy\.yaml has no rule other"):
        with_rule_fields(TEXT, FILE, "other", {"cause": "seasonal"})
