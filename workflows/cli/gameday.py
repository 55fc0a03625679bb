"""modelmedic gameday: faults planted in a shadow of a model's own stream, and what follows."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelmedic.workflows.cli.place import policy_at
from modelmedic.workflows.cli.report_option import page_option, write_page

if TYPE_CHECKING:
    from modelmedic.steps.backtesting.past import Past
    from modelmedic.steps.gameday.judging import Drill
    from modelmedic.steps.gameday.plan import GamedayPlan
    from modelmedic.steps.gameday.run import Gameday, PlannedFault

_MARKS = {
    "as_expected": "[green]✓[/green]",
    "harmless": "[yellow]○[/yellow]",
    "missed": "[red]✗[/red]",
    "unsafe": "[bold red]✗✗[/bold red]",
}


@click.command(short_help="Plant faults in a shadow of a model's stream, and judge what the loop does.")
@click.argument("policy", type=click.Path(path_type=Path))
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Labelled rows of the past, Parquet or CSV.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME[:COLUMN]",
    help="A fault to plant, such as nulls:age; may be repeated. The names: as-is, units, nulls, stuck, stale, flip, concept, "
    "release, crash, no-traffic, store-away.",
)
@click.option("--all", "everything", is_flag=True, help="Play every fault in turn.")
@click.option("--at", "at", default=None, help="The day of the fault; by default it comes after two thirds of the time.")
@click.option("--windows", type=click.IntRange(1, 20), default=None, help="Detection windows after it; by default persistence.of + 1.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the rows that are drawn.")
@page_option
@click.option("--dry-run", is_flag=True, help="Name what would be planted; train nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def gameday(
    policy: Path,
    data: Path,
    faults: tuple[str, ...],
    everything: bool,
    at: str | None,
    windows: int | None,
    seed: int,
    report: Path | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Plant faults in a shadow of the model of POLICY, and hold what the loop does against what
    should come of each.

    Each fault is played on rows of the past from the same first champion on, with the real monitor,
    diagnosis, remedies and gates, on a store, a registry and serving in memory. Nothing of the
    model's own is opened or changed. The exit code is 0 when every drill holds, else 65.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # one small model after another: threads only wait for each other
    wanted = _faults(faults, everything)
    past, plan = _read(policy, data, at, windows)
    if report is not None:
        _refuse(report, data)
    if dry_run:
        _say_plan(past, plan, wanted, seed, as_json)
        return
    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.steps.gameday.run import gameday as play

    with _progress(plan) as tell:
        said = play(past, plan, wanted, seed=seed, tell=tell)
    if report is not None:
        from modelmedic.steps.gameday.page import gameday_page

        write_page(report, gameday_page(said))
    _show(said, as_json)
    click.get_current_context().exit(0 if said.holds else BadInput.exit_code)


def _faults(named: tuple[str, ...], everything: bool) -> "list[PlannedFault]":
    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.steps.gameday.judging import EXPECTED
    from modelmedic.steps.gameday.run import fault_named

    if everything == bool(named):
        raise BadInput(f"{'both --all and' if named else 'neither --all nor'} --fault is given; expected one of the two")
    return [fault_named(text) for text in (EXPECTED if everything else dict.fromkeys(named))]


def _read(policy: Path, data: Path, at: str | None, windows: int | None) -> "tuple[Past, GamedayPlan]":
    from modelmedic.steps.adapters.tables.read import read_table
    from modelmedic.steps.backtesting.past import read_past
    from modelmedic.steps.gameday.plan import plan_gameday

    rules, table = policy_at(policy, (), ()), read_table(data)[0]
    past = read_past(rules, table, str(data))
    return past, plan_gameday(rules, past.span, _day(at), windows)


def _day(text: str | None) -> datetime | None:
    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.steps.contracts.window import utc

    try:
        return None if text is None else utc(datetime.fromisoformat(text))
    except ValueError:
        raise BadInput(f"--at is {text!r}; expected a day such as 2013-09-01") from None


def _refuse(report: Path, data: Path) -> None:
    from modelmedic.steps.contracts.errors import BadInput

    if report.exists() and data.exists() and report.samefile(data):
        raise BadInput(f"--report names {report}, which is the data; expected another file")


def _say_plan(past: "Past", plan: "GamedayPlan", wanted: "list[PlannedFault]", seed: int, as_json: bool) -> None:
    from modelmedic.steps.gameday.run import described, plant
    from modelmedic.workflows.cli.console import out, print_json, safe

    planted = [
        {"fault": str(fault), "planted": described(fault, found), "rows": int(found.broken.sum())}
        for fault, found in ((fault, plant(past, plan, fault, seed)) for fault in wanted)
    ]
    if as_json:
        print_json({"model": past.policy.name, "plan": plan, "faults": planted})
        return
    console = out()
    console.print(safe(f"{past.policy.name}: rows of {plan.first} would teach the first champion, and {plan.calm} would be calm"))
    for each in planted:
        console.print(safe(f"  {each['fault']}: in {plan.after} {each['planted']} ({each['rows']} rows are broken)"))


@contextmanager
def _progress(plan: "GamedayPlan") -> Iterator[Any]:
    """A progress bar for each fault, on a terminal alone."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from modelmedic.workflows.cli.console import talk

    console, tasks = talk(), {}
    columns = (TextColumn("{task.description:<22}"), BarColumn(), TextColumn("{task.fields[day]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        waiting = progress.add_task("first champion", total=None, day="")

        def tell(name: str, now: datetime) -> None:
            progress.update(waiting, visible=False)
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=(plan.after.end - plan.calm.start).total_seconds(), day="")
            progress.update(tasks[name], completed=(now - plan.calm.start).total_seconds(), day=f"{now.astimezone(UTC):%d %b %Y}")

        yield tell


def _show(said: "Gameday", as_json: bool) -> None:
    from rich.table import Table

    from modelmedic.workflows.cli.console import out, print_json, safe

    if as_json:
        print_json({"model": said.model, "holds": said.holds, "seed": said.seed, "plan": said.plan, "drills": said.drills})
        return
    console = out()
    console.print(f"[bold]{safe(said.model)}[/bold]: faults from {said.plan.after.start:%Y-%m-%dT%H:%MZ} on")
    table = Table("", "fault", "cause", "remedy", "outcome", "hours", "rows", box=None, pad_edge=False)
    for drill in said.drills:
        table.add_row(_MARKS[drill.grade.value], *(safe(cell) for cell in _cells(drill)))
    console.print(table)
    for drill in said.drills:
        console.print(f"\n{_MARKS[drill.grade.value]} [bold]{safe(drill.fault)}[/bold]: {safe(drill.planted)}")
        console.print(safe(f"  expected: {drill.expected}"))
        console.print(safe(f"  {drill.grade.value.replace('_', ' ')}: {drill.sentence[:300]}"))


def _cells(drill: "Drill") -> tuple[str, ...]:
    words = [each.value if each is not None else "-" for each in (drill.cause, drill.remedy, drill.outcome)]
    counts = (f"{drill.hours:.0f}" if drill.hours is not None else "-", f"{drill.rows}" if drill.rows is not None else "-")
    return (drill.fault, *words, *counts)
