"""What serves on this machine is stopped and started by a command each, and a cluster's is left
to kubectl.
"""

from pathlib import Path

import pytest
import yaml

from tests.cli.program import run
from tests.data.log import policy


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump(policy().model_dump(mode="json", by_alias=True, exclude_unset=True)))
    return file


def test_stopping_what_does_not_serve_is_no_error(rules: Path, tmp_path: Path) -> None:
    ended = run("stop", rules, "--home", tmp_path / "home")
    assert ended.exit_code == 0
    assert ended.stdout == "nothing of loans was started on this machine; `modelmedic bootstrap` starts the first champion\n"


def test_a_model_that_was_never_bootstrapped_is_not_started(rules: Path, tmp_path: Path) -> None:
    refused = run("serve", rules, "--home", tmp_path / "home")
    assert refused.exit_code == 77
    assert "no champion of loans was started on this machine; `modelmedic bootstrap` starts the first one" in refused.stderr


@pytest.mark.parametrize("command", ["stop", "serve"])
def test_a_cluster_is_left_to_kubectl(rules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("MODELMEDIC_SERVING", "kserve")
    refused = run(command, rules, "--home", tmp_path / "home")
    assert refused.exit_code == 65
    assert "InferenceServices are stopped by kubectl" in refused.stderr
