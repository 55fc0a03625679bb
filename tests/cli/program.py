"""The program as a person runs it, in this process."""

import click
from click.testing import CliRunner, Result

from modelmedic.workflows.cli import main


def run(*arguments: object, program: click.Command = main, env: dict[str, str] | None = None, typed: str = "") -> Result:
    """Exit code, stdout and stderr of one command line; a bug is raised."""
    return CliRunner().invoke(program, [str(argument) for argument in arguments], catch_exceptions=False, env=env, input=typed)
