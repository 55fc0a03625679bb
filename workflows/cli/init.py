"""modelmedic init: a first policy from a data file, with every guess named."""

import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelmedic.workflows.cli.options import TASKS, check_columns

if TYPE_CHECKING:
    import pyarrow as pa

    from modelmedic.steps.contracts.policy import Policy

_LONGEST = 15.0  # seconds that the command takes, a week's pilots beside them


@click.command(short_help="Scaffold a policy from a data file.")
@click.argument("data", metavar="DATA_FILE", type=click.Path(path_type=Path))
@click.option("--target", help="The label's column.")
@click.option("--time", "time_column", help="The column with each row's time.")
@click.option("--task", type=click.Choice(TASKS), help="The kind of task; told from the target when left out.")
@click.option("--name", help="The model's name; the file's name when left out.")
@click.option("--owner", help="The team that answers for the model; you when left out.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), default=Path("policy.yaml"), show_default=True, help="The file to write; - is stdout."
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--ageing/--no-ageing", default=True, show_default=True, help="Measure how models age on the table, for some seconds.")
@click.option("--dry-run", is_flag=True, help="Show the policy on stdout and write nothing.")
def init(
    data: Path,
    target: str | None,
    time_column: str | None,
    task: str | None,
    name: str | None,
    owner: str | None,
    out: Path,
    force: bool,
    ageing: bool,
    dry_run: bool,
) -> None:
    """Scaffold a policy from DATA_FILE (Parquet or CSV): the rows that a model learns from, with
    their labels and times.

    Task, time, features, segments and sizes are guessed; every guess is named on stderr. Sizes
    follow from the rate of the rows: what the policy asks of them can come. How models age on the
    table is measured for some seconds. The policy passes `modelmedic validate`.
    """
    from modelmedic.steps.adapters.policy.scaffold import scaffold_policy, scaffold_yaml
    from modelmedic.steps.adapters.tables.header import columns_of
    from modelmedic.steps.adapters.tables.read import read_table
    from modelmedic.steps.contracts.keys import slug
    from modelmedic.steps.contracts.words import Task
    from modelmedic.steps.core.scaffold.scaffold import scaffold

    until = time.monotonic() + _LONGEST
    to_stdout = dry_run or str(out) == "-"
    if not to_stdout:
        _refuse_overwriting(out, force)
    named = [(flag, column) for flag, column in (("--target", target), ("--time", time_column)) if column is not None]
    check_columns(named, columns_of(data), f"is not in {data}")
    table, rows = read_table(data)
    found = scaffold(table, target=target, time=time_column, task=Task(task) if task else None, rows=rows)
    write = partial(
        scaffold_yaml,
        found,
        name=slug(data.stem) if name is None else name,
        owner=_owner() if owner is None else owner,
        source=data.name,
    )
    text = write()
    for note in found.notes:
        click.echo(note, err=True)
    for column, reason in found.left_out:
        click.echo(f"left out {column!r}: {reason}", err=True)
    if ageing:
        measured, every = _ageing(scaffold_policy(text), table, until)
        click.echo(measured, err=True)
        text = write(ageing=measured, every=every)
    if to_stdout:
        click.echo(text, nl=False)
    else:
        _write(out, text, force)
        click.echo(f"wrote {out}; read it, then `modelmedic validate {out} --data {data}`", err=True)


def _ageing(policy: "Policy", table: "pa.Table", until: float) -> tuple[str, float | None]:
    """The sentence on how models of the table age, measured `until` a reading of the clock, and the
    days between two trainings that follow from it.
    """
    from modelmedic.steps.adapters.models.pilots import Pilots
    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.steps.data.labelled import logged_rows
    from modelmedic.steps.training.table_ageing import table_ageing

    os.environ.setdefault("OMP_NUM_THREADS", "1")  # small models: threads only wait for each other
    try:
        measured = table_ageing(policy, logged_rows(policy, table), Pilots(), lambda: time.monotonic() < until)
    except BadInput as error:
        return f"the ageing of models is not measured: {error}", None
    return measured.sentence, measured.every(policy.retrain.price)


def _owner() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "owner"


def _refuse_overwriting(out: Path, force: bool) -> None:
    from modelmedic.steps.contracts.errors import BadInput

    if out.is_dir():
        raise BadInput(f"{out} is a folder; expected a file to write the policy to")
    if out.exists() and not force:
        raise BadInput(f"{out} is there already and is left as it is; expected another name with -o, or --force to write over it")


def _write(out: Path, text: str, force: bool) -> None:
    from modelmedic.steps.contracts.errors import BadInput

    try:
        with out.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise BadInput(f"{out} cannot be written ({(error.strerror or str(error)).lower()}); expected a file in a folder") from error
