"""The policy refuses whatever it does not know, and its hash speaks for all of it."""

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from modelmedic.steps.contracts.policy import Policy

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBwTZ0ZkYWJhY2FkYWVmMDEyMzQ1Njc4OWFiY2RlZjAx"
ANN = [{"name": "ann", "key": KEY}]
GOOD: dict[str, Any] = {
    "apiVersion": "modelmedic.io/v1alpha1",
    "kind": "HealingPolicy",
    "metadata": {"name": "flights", "owner": "flight-ops"},
    "serving": {"inferenceService": "flights"},
    "registry": {"name": "flights"},
    "data": {"task": "binary", "target": "delayed", "time": "time_hour", "numeric": ["distance"], "categorical": ["carrier"]},
}


def policy_with(path: str, value: Any) -> Policy:
    document = deepcopy(GOOD)
    *sections, key = path.split(".")
    place = document
    for section in sections:
        place = place.setdefault(section, {})
    place[key] = value
    return Policy.model_validate(document)


def test_settle_time_is_the_window_and_the_label_delay() -> None:
    policy = policy_with("data.labels", {"delay": "3d"})
    assert policy.settle == timedelta(days=10)


def test_a_stated_settle_time_wins() -> None:
    assert policy_with("limits.settle", "36h").settle == timedelta(hours=36)


def test_the_hash_covers_a_default_that_was_written_out() -> None:
    assert policy_with("detect.window", "7d").hash == Policy.model_validate(GOOD).hash
    assert policy_with("detect.window", "8d").hash != Policy.model_validate(GOOD).hash


def test_one_hash_has_one_text_in_every_version_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Policy.model_validate(GOOD)
    monkeypatch.setattr("modelmedic.steps.contracts.policy.LATER_FIELDS", ("validation.minLabels",))
    assert "minLabels" not in policy.lasting["validate"]
    assert policy_with("validate.minLabels", 777).lasting["validate"]["minLabels"] == 777
    assert Policy.model_validate(policy.lasting) == policy


def test_a_field_that_was_added_later_leaves_the_hash_of_earlier_policies_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Policy.model_validate(GOOD).hash
    monkeypatch.setattr("modelmedic.steps.contracts.policy.LATER_FIELDS", ("validation.minLabels", "limits"))
    without = Policy.model_validate(GOOD)
    assert without.hash != before
    assert policy_with("validate.minLabels", without.validation.minLabels).hash == without.hash
    assert policy_with("validate.minLabels", 777).hash != without.hash
    assert policy_with("limits.settle", "36h").hash != without.hash


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("detect.windw", "7d", "Extra inputs"),
        ("detect.window", "0d", "expected 1h to 90d"),
        ("detect.window", "91d", "expected 1h to 90d"),
        ("detect.persistence", {"hits": 4, "of": 3}, "hits no larger than of"),
        ("data.numeric", ["delayed"], "may not know the target"),
        ("data.numeric", ["distance", "carrier"], "more than once"),
        ("data.segments", ["tail"], "expected features"),
        ("validate.metric", "rmse", "does not fit data.task"),
        ("validate.fairness", {"columns": ["sex"]}, "validate.fairness.columns names sex"),
        ("rollout.bake", "1m", "expected 10m to 30d"),
        ("rollout.steps", [50, 20], "rising percents"),
        ("retrain.entrypoint", "os.system('x')", "String should match pattern"),
        ("metadata.name", "Flights!", "String should match pattern"),
        ("metadata.owner", "{{workflow.name}}", "without {{ or }}"),
        ("metadata.description", "one\ntwo", "printable line"),
        ("metadata.owner", "x" * 301, "at most 300"),
        ("approval.signers", [{"name": "ann", "key": KEY.replace("ed25519", "rsa")}], "String should match pattern"),
        ("approval.signers", [{"name": "ann", "key": f"{KEY} ann@laptop"}], "String should match pattern"),
        ("approval.signers", [{"name": "ann", "key": KEY.replace("ssh-", "sk-ssh-").replace(" ", "@openssh.com ")}], "of another kind"),
        ("approval.signers", [{"name": "ann", "key": KEY}, {"name": "ben", "key": KEY}], "one key for ann and ben"),
        ("approval", {"signers": ANN, "twoPerson": True}, "approval.signers names one person"),
        ("approval", {"signers": ANN, "form": True}, "Argo's form knows no names"),
        (
            "approval",
            {"signers": ANN, "approvers": ["ann", "ben"]},
            "names ben, of whom approval.signers has no key",
        ),
    ],
)
def test_a_fault_is_refused_with_what_was_allowed(path: str, value: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        policy_with(path, value)


def test_a_policy_never_changes_after_it_was_read() -> None:
    policy = Policy.model_validate(GOOD)
    with pytest.raises(ValidationError, match="frozen"):
        policy.metadata = policy.metadata  # type: ignore[misc]


@pytest.mark.parametrize("folder", ["incidents", "audit", "reference", "verdicts", "candidates", "snapshots", "policies", "probe"])
def test_a_log_may_not_lie_among_the_loops_own_records(folder: str) -> None:
    with pytest.raises(ValidationError, match=f"expected a prefix outside {folder}/"):
        policy_with("data.inferenceLog", f"{folder}/flights")
