"""Odd values for every option and argument of every command: it ends with a documented exit code,
and without a traceback.
"""

import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import click
import pyarrow.parquet as pq

from modelmedic.workflows.cli import main
from tests.adversary.attack import HELD, Attack, Result, not_held
from tests.adversary.tables import _POLICY, fault_of, table

_ODD: Final = (
    "", " ", "-", "--", "0", "-1", "1e309", "nan", "caf\udce9", "\x1b[2J", "\n", "x" * 5_000, "a/../b", "/proc/self/mem",
    "/dev/null",
    "9999-12-31", "9999-12-31T23:59:59+00:00", "0001-01-01", "0001-01-01T00:00:00+14:00", "2026-02-30", "99999999d", "0s", "1.5",
    "churn-0-1",
    "{{=1}}", "%s", "💥", "null", "s3://", "file://",
)  # fmt: skip
_LONG: Final = ("demo", "completion", "doctor", "submit")  # do much, or look for a cluster


def attacks(seed: int) -> Iterator[Attack]:
    del seed  # nothing here is drawn
    for name, command in _commands():
        for parameter in command.params:
            if not isinstance(parameter, click.Option) or not parameter.is_flag:
                for number, value in enumerate(_ODD):
                    run = partial(_try, name, str(parameter.name), value)
                    yield Attack(f"{name} {parameter.name} {number}", "arguments", run)


def _commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        if command is not None and name not in _LONG and not isinstance(command, click.Group):
            yield name, command


def _try(name: str, odd: str, value: str, folder: Path) -> Result:
    os.chdir(folder)
    os.environ.update({"MODELMEDIC_HOME": str(folder / "home"), "KUBECONFIG": str(folder / "none")})
    pq.write_table(table(0), folder / "rows.parquet")
    (folder / "policy.yaml").write_text(json.dumps(_POLICY))
    fault = fault_of([name, *_words(dict(_commands())[name], odd, value)])
    return not_held(f"{value[:60]!a}: {fault}") if fault else HELD


def _words(command: click.Command, odd: str, value: str) -> Iterator[str]:
    """The command line with what is required, and the odd value in its place."""
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            yield value if parameter.name == odd else _usual(str(parameter.name))
        elif parameter.name == odd:
            yield f"{parameter.opts[-1]}={value}"
        elif parameter.required:
            yield f"{parameter.opts[-1]}={_usual(str(parameter.name))}"


def _usual(name: str) -> str:
    return {
        "policy": "policy.yaml",
        "policies": "policy.yaml",
        "data": "rows.parquet",
        "reference": "rows.parquet",
        "current": "rows.parquet",
    }.get(name, "loans-1a2b3c4d-1")
