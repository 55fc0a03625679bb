"""The page on the first hour: its commands are the program's, and what it changes of a policy is
valid.
"""

import re
import shlex
from pathlib import Path

import click
import pytest
import yaml

from modelmedic.steps.adapters.policy.file import load_policy
from modelmedic.workflows.cli import main
from tests.data.log import policy

TEXT = (Path(__file__).parents[2] / "docs" / "first-hour.md").read_text()
COMMANDS = [line.removeprefix("$ ").partition("#")[0] for line in TEXT.splitlines() if line.startswith("$ modelmedic ")]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_page_is_one_of_the_program(line: str) -> None:
    name, *rest = shlex.split(line)[1:]
    with click.Context(main) as context:
        command = main.get_command(context, name)
        assert command is not None, name
        command.make_context(name, rest, parent=context)


def test_what_the_page_changes_of_a_policy_is_valid(tmp_path: Path) -> None:
    (changes,) = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    whole = policy().model_dump(mode="json", by_alias=True, exclude_unset=True)
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(whole | yaml.safe_load(changes)))
    rollout = load_policy(tmp_path / "policy.yaml").rollout
    assert (rollout.steps, rollout.minRequests) == ((50,), 20)
