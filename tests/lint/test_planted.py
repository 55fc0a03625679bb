"""A gate that has never caught anything proves nothing: each planted defect is caught by the check
that is for it.
"""

import pytest

from modelmedic.workflows.inputs.platform import Platform
from modelmedic.workflows.lint.run import lint
from modelmedic.workflows.render.render import render
from tests.lint.planted import DEFECTS, Defect
from tests.render.policies import NAMED, policy


@pytest.fixture(scope="module")
def good() -> dict[str, str]:
    return dict(render([policy()], Platform()))


def test_a_rendered_tree_is_clean_and_every_check_saw_something(good: dict[str, str]) -> None:
    for each in lint(good):
        assert each.found == (), each.check
        assert each.seen > 0, each.check


def test_the_checks_saw_as_many_things_as_there_are(good: dict[str, str]) -> None:
    seen = {each.check: each.seen for each in lint(good)}
    stages, parts = 8, 4  # stages of a heal that run in a pod, parts of a bootstrap
    assert seen["retries"] == stages + parts + len(("monitor", "triage", "note-change", "reconcile"))
    assert seen["pod-security"] == seen["retries"] + len(("runtime", "source", "sensor", "sensor of changes", "bus"))
    assert seen["approvals"] == 2
    assert seen["graphs"] == len(("heal", "closing", "bootstrap"))
    assert seen["no-secrets-in-text"] == len(good)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_planted_defect_is_caught(defect: Defect, good: dict[str, str]) -> None:
    planted = defect.planted(good)
    assert planted != good
    (result,) = lint(planted, only=defect.check)
    assert (result.check, result.ok) == (defect.check, False)


def test_there_are_at_least_25_defects_and_every_check_has_one(good: dict[str, str]) -> None:
    assert len(DEFECTS) >= 25
    assert {each.check for each in lint(good)} == {defect.check for defect in DEFECTS}


@pytest.mark.parametrize("name", NAMED)
def test_every_named_configuration_lints_clean(name: str) -> None:
    assert [finding for each in lint(render([policy(name)], Platform())) for finding in each.found] == []
