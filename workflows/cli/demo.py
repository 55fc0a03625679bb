"""modelmedic demo: a year of a model's life through the real loop, on this machine."""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from modelmedic.examples.flights.year import Month, Year


@click.command(short_help="Play a year of a model's life, faults included.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-output"),
    show_default=True,
    help="The folder of the workspace, made anew.",
)
@click.option("--share", type=click.FloatRange(0.05, 1.0), default=0.4, show_default=True, help="The share of the year's flights to play.")
@click.option("--keep-serving", is_flag=True, help="Leave the model servers running at the end.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def demo(output: Path, share: float, keep_serving: bool, as_json: bool) -> None:
    """Play 2013 for a flight-delay model: real flights, a real KServe model server, MLflow, late
    labels, drift, and two planted faults.

    In May somebody releases a bad version by hand; in September the weather feed loses half of a
    column and distances arrive in kilometres. OUTPUT is made anew; it is a whole workspace that
    every other command works on.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # beside a model server and a training, threads only wait
    started = time.monotonic()
    with _played(output, share) as year:
        try:
            year.play()
            months = year.months()
            made = _pages(year, months, output)
        finally:
            if not keep_serving:
                year.serving.stop()
    _show(year, months, made, time.monotonic() - started, as_json, output)


@contextmanager
def _played(output: Path, share: float) -> Iterator["Year"]:
    """The year in a fresh workspace, with a line of progress on a terminal and the same words line
    by line elsewhere.
    """
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from modelmedic.examples.flights.year import END, START, Year
    from modelmedic.steps.runtime.workspace import Workspace
    from modelmedic.workflows.cli.console import safe, talk

    _clear(output)
    console = talk()
    columns = (TextColumn("{task.fields[day]}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=(END - START).days, day="January")

        def at(now: datetime) -> None:
            progress.update(task, completed=(now - START).days, day=f"{now:%d %B}")

        def say(sentence: str) -> None:
            console.print(f"[dim]{year.now:%d %b}[/dim]  {safe(sentence)}")

        year = Year(Workspace(output), share, say, at)
        yield year


def _clear(output: Path) -> None:
    """Only a folder that an earlier demo made is thrown away."""
    from modelmedic.steps.contracts.errors import BadInput

    mark = output / "made-by-modelmedic-demo"
    if output.exists() and any(output.iterdir()) and not mark.exists():
        raise BadInput(f"{output} is not empty and was not made by this demo; name another folder with --output")
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    mark.touch()


def _pages(year: "Year", months: tuple["Month", ...], output: Path) -> dict[str, Any]:
    """The timeline picture, and the incident reports as files that a browser opens."""
    from modelmedic.examples.flights.picture import draw

    picture = draw(months, output / "timeline.png", output / "timeline.svg")
    reports = [
        {"opened": f"{incident.opened_at:%d %b}", "outcome": outcome, "page": str(output / "store" / key)}
        for incident, outcome, key in year.reports()
    ]
    return {"timeline": str(picture), "reports": reports}


def _show(year: "Year", months: tuple["Month", ...], made: dict[str, Any], seconds: float, as_json: bool, output: Path) -> None:
    from modelmedic.workflows.cli.console import out, print_json, safe

    if as_json:
        print_json({"months": months, **made, "seconds": seconds, "requests": year.requests, "failures": year.failures})
        return
    console = out()
    console.print(_table(months))
    frozen, healed = (sum(getattr(m, which).auc for m in months) / len(months) for which in ("frozen", "healed"))
    console.print(f"mean AUC {frozen:.3f} frozen, {healed:.3f} healed; {year.requests} requests, {year.failures} failed; {seconds:.0f} s\n")
    program = Path(sys.argv[0])
    console.print(f"  {'picture':<10}{safe(made['timeline'])}")
    for report in made["reports"]:
        console.print(f"  {'incident':<10}{report['opened']}  {report['outcome']:<12}  {safe(report['page'])}")
    for what, command in (
        ("audit", f"{program} audit show {year.site.model} --store {output / 'store'}"),
        ("story", f"{program} incidents --store {output / 'store'}"),
        ("MLflow", f"{program.parent / 'mlflow'} ui --backend-store-uri sqlite:///{output / 'mlflow.db'}"),
    ):
        console.print(f"  {what:<10}{safe(command)}")


def _table(months: tuple["Month", ...]) -> Any:
    from rich.table import Table

    table = Table("2013", "what drifted", "cause", "remedy → outcome", "version", "AUC frozen", "healed", box=None, pad_edge=False)
    for month in months:
        lines = month.lines()
        version = month.before if month.before == month.after else f"{month.before} → {month.after}"
        better = "green" if month.healed.auc > month.frozen.auc + 0.005 else ""
        healed = f"[{better}]{month.healed.auc:.3f}[/{better}]" if better else f"{month.healed.auc:.3f}"
        for number, line in enumerate(lines or (("", "", ""),)):
            scores = (version, f"{month.frozen.auc:.3f}", healed) if number == 0 else ("", "", "")
            table.add_row(month.name if number == 0 else "", *line, *scores)
    return table
