"""The output of every command, for a person or a program: colours, width, JSON, progress."""

import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Column

_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
_PIPED_WIDTH = 200  # rich would cut tables at 80 columns where there is no terminal


def out() -> "Console":
    """The console of stdout, for the result."""
    return _console(sys.stdout)


def talk() -> "Console":
    """The console of stderr, for everything beside the result."""
    return _console(sys.stderr)


def _console(file: TextIO) -> "Console":
    """A console; rich leaves colours out where NO_COLOR is set or no terminal is there."""
    from rich.console import Console

    width = None if file.isatty() or "COLUMNS" in os.environ else _PIPED_WIDTH
    return Console(file=file, highlight=False, soft_wrap=True, width=width)


def safe(text: str) -> str:
    """Text from data or files for a console: neither rich's markup nor a terminal's control
    sequences take effect, and secrets are redacted before a table breaks them over lines.
    """
    from rich.markup import escape

    from modelmedic.steps.contracts.redaction import redact_text

    return escape("".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in redact_text(text)))


def short(text: str) -> str:
    """The text with its digests cut to the part that a person compares; --json has them whole."""
    return _DIGEST.sub(lambda match: match[0][:12], text)


def whole(header: str, values: Iterable[str]) -> "Column":
    """A table's column for what a person copies, such as ids: the others are cut for the terminal's
    width, and this one never is.
    """
    from rich.table import Column

    return Column(header, no_wrap=True, min_width=max(map(len, (header, *values))))


def print_json(value: Any) -> None:
    """The value on stdout, indented; dataclasses, enums and times as their JSON types, NaN and
    infinity as null.
    """
    sys.stdout.write(json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(child) for child in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or type(value) in (str, int, float, bool):
        return value
    from modelmedic.steps.contracts.codec import to_plain

    return _finite(to_plain(value))


@contextmanager
def working(what: str, total: float | None = None) -> Iterator[Callable[[float], None]]:
    """A progress bar on stderr while the block runs, or one line where there is no terminal. What
    it yields sets how much of `total` is done.
    """
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = talk()
    if not console.is_terminal:
        console.print(f"[dim]·[/dim] {safe(what)}")
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)
