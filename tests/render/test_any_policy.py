"""Whatever validates renders, and what renders lints clean; what could become code or another
object is refused at the policy.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelmedic.steps.adapters.policy.file import PolicyFaults, load_policy
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.window import format_duration
from modelmedic.workflows.inputs.platform import Platform
from modelmedic.workflows.lint.run import lint
from modelmedic.workflows.output.tree import BASE
from modelmedic.workflows.render.render import render
from tests.render.documents import model_documents
from tests.render.policies import SMALL

NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?", fullmatch=True)
LINES = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x1F9FF, exclude_categories=("C", "Z"), exclude_characters="{}\"'`\\"), max_size=80
)
PEOPLE = LINES.map(lambda text: f"a{text}")


def spans(low: str, high: str) -> st.SearchStrategy[str]:
    from modelmedic.steps.contracts.window import parse_duration

    ends = (int(parse_duration(each).total_seconds()) for each in (low, high))
    return st.integers(*ends).map(lambda seconds: format_duration(timedelta(seconds=seconds)))


def sections() -> st.SearchStrategy[dict[str, Any]]:
    serving = st.fixed_dictionaries(
        {"inferenceService": NAMES}, optional={"namespace": NAMES, "mode": st.sampled_from(["Standard", "Knative"])}
    )
    return st.fixed_dictionaries(
        {
            "metadata": st.fixed_dictionaries({"name": NAMES, "owner": PEOPLE}, optional={"description": PEOPLE}),
            "serving": serving,
        },
        optional={
            "detect": st.fixed_dictionaries({"window": spans("1h", "90d")}),
            "retrain": st.fixed_dictionaries({"timeout": spans("1m", "14d")}),
            "approval": st.fixed_dictionaries({"timeout": spans("1m", "90d")}),
            "rollout": st.fixed_dictionaries({"deadline": spans("6m", "30d")}),
        },
    )


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(changes=st.lists(sections(), min_size=1, max_size=3, unique_by=lambda each: each["metadata"]["name"]))
def test_whatever_validates_renders_and_lints_clean(changes: list[dict[str, Any]]) -> None:
    policies = [Policy.model_validate(SMALL | each) for each in changes]
    tree = render(policies, Platform())
    assert [finding for check in lint(tree) for finding in check.found] == []
    for each in policies:
        for file, built in model_documents(each, Platform()).items():
            assert list(yaml.load_all(tree[f"{BASE}/models/{each.name}/{file}"], Loader=yaml.CSafeLoader)) == built


HOSTILE = [
    "{{workflow.parameters.incident}}",
    "{{=sprig.env('HOME')}}",
    "a' || 'a' == 'a",
    'a"; rm -rf /',
    "$(reboot)`id`",
    "two\nlines",
    "a\u2028b",
    "!!python/object/apply:os.system [id]",
    "&anchor *anchor",
    "- a: b",
    "x" * 301,
    "--server=http://evil",
    "../../etc/passwd",
    "a\x00b",
    "\u202eevil",
]
PLACES = {
    "metadata.name": ("metadata", "name"),
    "metadata.owner": ("metadata", "owner"),
    "serving.inferenceService": ("serving", "inferenceService"),
    "serving.namespace": ("serving", "namespace"),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_value_is_refused_at_its_line_or_stays_text(place: str, value: str, tmp_path: Path) -> None:
    section, key = PLACES[place]
    document = {**SMALL, section: {**SMALL[section], key: value}}
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=False), encoding="utf-8")
    accepted = _read(file)
    if isinstance(accepted, PolicyFaults):
        line = next(number for number, text in enumerate(file.read_text().splitlines(), 1) if text.strip().startswith(f"{key}:"))
        assert any(fault.line == line for fault in accepted.faults), str(accepted)
        return
    assert place == "metadata.owner", "only a free text may hold more than a name"
    built = render([accepted], Platform())
    assert [finding for check in lint(built) for finding in check.found] == []
    documents = [each for text in built.values() for each in yaml.load_all(text, Loader=yaml.CSafeLoader) if isinstance(each, dict)]
    owners = {(each.get("metadata") or {}).get("annotations", {}).get("modelmedic.io/owner") for each in documents}
    assert owners == {None, value}


def _read(file: Path) -> Policy | PolicyFaults:
    try:
        return load_policy(file)
    except PolicyFaults as faults:
        return faults
