"""The `modelmedic` command: every subcommand's module is imported only when it is used, so that help is quick."""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from steps.contracts.errors import ModelmedicError

_COMMANDS = {  # name: (module, the short help that the command itself states)
    "detect": ("detect", "Say what differs between two files."),
    "diagnose": ("diagnose", "Say why two files differ, how sure that is, and what to do about it."),
    "schema": ("policy", "Print the JSON Schema of a healing policy."),
    "validate": ("policy", "Say whether policies are right, with every fault at once."),
}

_EPILOG = "Exit codes: 0 done (a 'no' is a result too), 2 usage, 65 bad input, 75 try again, 77 refused by a safety rule, 78 bad policy."


class Lazy(click.Group):
    """A group whose listing needs no subcommand's module."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click calls it so
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click calls it so
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"workflows.cli.{_COMMANDS[cmd_name][0]}")
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(cls=Lazy, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="modelmedic")
def cli() -> None:
    """Self-healing for models: what drifted, why, and the right remedy or none."""


def main(arguments: Sequence[str] | None = None) -> Any:
    """Errors of ours become one line and their exit code; a bug keeps its traceback."""
    try:
        return cli.main(args=list(arguments) if arguments is not None else None, prog_name="modelmedic")
    except ModelmedicError as error:
        click.echo(f"modelmedic: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)
