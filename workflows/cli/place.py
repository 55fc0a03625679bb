"""The options by which a command of the loop finds its policy and its workspace, and how it tells
what goes on.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from modelmedic.steps.contracts.policy import Policy
    from modelmedic.steps.runtime.workspace import Workspace

_OPTIONS = (
    click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="The workspace folder; default .modelmedic."),
    click.option(
        "--defaults", "below", type=click.Path(path_type=Path), multiple=True, help="Org-wide defaults under the policy; may be repeated."
    ),
    click.option(
        "--overlay",
        "above",
        type=click.Path(path_type=Path),
        multiple=True,
        help="An environment's values over the policy; may be repeated.",
    ),
)


def place_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def workspace(home: Path | None, *, read_only: bool = False) -> "Workspace":
    from modelmedic.steps.runtime.workspace import Workspace

    return Workspace(home, read_only=read_only)


def policy_at(file: Path, below: tuple[Path, ...], above: tuple[Path, ...]) -> "Policy":
    from modelmedic.steps.adapters.policy.file import load_policy

    return load_policy(file, below, above)


def say(sentence: str) -> None:
    """Tell the person who waits, on stderr, what is going on."""
    from modelmedic.workflows.cli.console import safe, talk

    talk().print(f"[dim]·[/dim] {safe(sentence)}")
