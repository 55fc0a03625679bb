"""modelmedic backtest: a policy replayed over past data, beside simpler habits."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from modelmedic.workflows.cli.place import policy_at
from modelmedic.workflows.cli.report_option import page_option, write_page

if TYPE_CHECKING:
    from modelmedic.steps.backtesting.past import Past
    from modelmedic.steps.backtesting.plan import ReplayPlan
    from modelmedic.steps.backtesting.result import Backtest, WayLine
    from modelmedic.steps.contracts.policy import Policy

_MONTH = "month"
_NOTHING = "-"


class _Read(NamedTuple):
    past: "Past"
    plan: "ReplayPlan"
    rows: int  # of the file


@click.command(short_help="Replay a policy over past data, beside simpler habits.")
@click.argument("policy", type=click.Path(path_type=Path))
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Labelled rows of the past, Parquet or CSV.")
@click.option(
    "--bootstrap-until", "until", help="The end of the first champion's training data: a day, or a share of the time such as 0.25."
)
@click.option("--every", default=None, help="The windows of the table: month, or a span such as 14d.")
@click.option(
    "--ways",
    default=None,
    metavar="NAMES",
    help="The ways to play, such as frozen,monthly,policy; all: frozen, weekly, monthly, rule, drift, policy, hindsight. "
    "Weekly, rule and hindsight train about a model a week, so with a training function of your own they are played only when asked for.",
)
@click.option(
    "--approvals",
    type=click.Choice(["yes", "no"]),
    default="yes",
    show_default=True,
    help="The answer that people give to every request for approval.",
)
@page_option
@click.option("--dry-run", is_flag=True, help="Name what would be replayed; train nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.option(
    "--defaults", "below", type=click.Path(path_type=Path), multiple=True, help="Org-wide defaults under the policy; may be repeated."
)
@click.option(
    "--overlay", "above", type=click.Path(path_type=Path), multiple=True, help="An environment's values over the policy; may be repeated."
)
def backtest(
    policy: Path,
    data: Path,
    until: str | None,
    every: str | None,
    ways: str | None,
    approvals: str,
    report: Path | None,
    dry_run: bool,
    as_json: bool,
    below: tuple[Path, ...],
    above: tuple[Path, ...],
) -> None:
    """Replay POLICY over past labelled rows, each label known only after the policy's label delay.

    Ways of running the model are played through the same rows: the first champion frozen, a
    retraining every week and at the end of every window, a rule of thumb, a retraining on any drift
    alarm, and the policy with its real monitor, diagnosis, gates and canary. Hindsight knows all
    losses in advance and trains when it pays, at the policy's price of a training; the others are
    told as a share of its gain. Nothing is served or written but the report. Columns are named as
    the policy names them.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # one small model after another: threads only wait for each other
    rules = policy_at(policy, below, above)
    if report is not None:
        _refuse(report, data)
    found, wanted = _read(rules, data, until, every), _ways(ways)
    if dry_run:
        _say_plan(rules, found, as_json)
        return
    from modelmedic.steps.backtesting.run import backtest as play

    with _progress(found.plan) as tell:
        said = play(found.past, found.plan, approve=approvals == "yes", ways=wanted, tell=tell)
    if report is not None:
        from modelmedic.steps.backtesting.page import backtest_page

        write_page(report, backtest_page(said))
    _show(said, as_json)


def _read(rules: "Policy", data: Path, until: str | None, every: str | None) -> _Read:
    from modelmedic.steps.adapters.tables.read import read_table
    from modelmedic.steps.backtesting.past import read_past
    from modelmedic.steps.backtesting.plan import plan_replay

    table, rows = read_table(data)
    history = read_past(rules, table, str(data))
    return _Read(history, plan_replay(rules, history.span, _until(until), _every(every)), rows)


def _until(text: str | None) -> datetime | float | None:
    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.steps.contracts.window import utc

    if text is None:
        return None
    try:
        share = float(text)
    except ValueError:
        try:
            return utc(datetime.fromisoformat(text))
        except ValueError:
            share = -1.0
    if 0 < share < 1:
        return share
    raise BadInput(f"--bootstrap-until is {text!r}; expected a day such as 2013-03-01, or a share of the time between 0 and 1")


def _every(text: str | None) -> timedelta | None:
    from modelmedic.workflows.cli.options import span_of

    return None if text in (None, _MONTH) else span_of("--every", text or "", "1h", "365d")


def _ways(text: str | None) -> list[str] | None:
    from modelmedic.steps.backtesting.result import WAYS
    from modelmedic.steps.contracts.errors import BadInput

    names = list(WAYS) if text == "all" else [name.strip() for name in (text or "").split(",")]
    strange = [name for name in names if text is not None and name not in WAYS]
    if strange:
        raise BadInput(f"--ways names {strange[0]!r}; expected all, or some of {', '.join(WAYS)}")
    return None if text is None else [WAYS[name] for name in names]


def _refuse(report: Path, data: Path) -> None:
    from modelmedic.steps.contracts.errors import BadInput

    if report.exists() and data.exists() and report.samefile(data):
        raise BadInput(f"--report names {report}, which is the data; expected another file")


def _say_plan(rules: "Policy", found: _Read, as_json: bool) -> None:
    from modelmedic.workflows.cli.console import out, print_json, safe

    first, replay = found.plan.first, found.plan.replay
    known = found.past.known(first, replay.start).num_rows
    replayed = found.past.between(replay).num_rows
    if as_json:
        counts = {"rows": found.rows, "bootstrap_rows": known, "replayed_rows": replayed}
        print_json({"model": rules.name, **counts, "bootstrap": first, "windows": found.plan.windows})
        return
    out().print(
        safe(
            f"{rules.name}: {known} labelled rows of {first} would train the first champion, and {replayed} rows of {replay} "
            f"would be replayed in {len(found.plan.windows)} windows"
        )
    )


@contextmanager
def _progress(plan: "ReplayPlan") -> Iterator[Any]:
    """A progress bar for each way of running the model, on a terminal alone."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from modelmedic.steps.backtesting.result import TITLES
    from modelmedic.workflows.cli.console import talk

    console, tasks = talk(), {}
    columns = (TextColumn("{task.description:<22}"), BarColumn(), TextColumn("{task.fields[day]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        waiting = progress.add_task("first champion", total=None, day="")

        def tell(name: str, now: datetime) -> None:
            progress.update(waiting, visible=False)
            if name not in tasks:
                tasks[name] = progress.add_task(TITLES[name], total=plan.replay.length.total_seconds(), day="")
            done = (now - plan.replay.start).total_seconds()
            progress.update(tasks[name], completed=done, day=f"{now.astimezone(UTC):%d %b %Y}")

        yield tell


def _show(said: "Backtest", as_json: bool) -> None:
    from modelmedic.steps.backtesting.result import POLICY
    from modelmedic.workflows.cli.console import out, print_json, safe

    if as_json:
        print_json(said)
        return
    console = out()
    console.print(f"[bold]{safe(said.model)}[/bold]: {said.metric} by window, {'higher' if said.higher else 'lower'} is better")
    for part in (_scores(said), _sums(said), _incidents(said)):
        console.print(part)
        console.print()
    for note in said.notes:
        console.print(safe(note))
    policy = said.played(POLICY)
    if policy is not None:
        _show_deeds(policy)


def _show_deeds(policy: "WayLine") -> None:
    from modelmedic.workflows.cli.console import out, safe

    console = out()
    if policy.causes:
        causes = ", ".join(f"{cause} {count}" for cause, count in sorted(policy.causes.items(), key=lambda pair: -pair[1]))
        console.print(f"\n[bold]Incidents by cause[/bold]: {safe(causes)}")
    done = [deed for deed in policy.deeds if deed.kind != "no_action"]
    if done:
        console.print("\n[bold]What the policy did[/bold]")
    for deed in done:
        blamed = f" ({', '.join(deed.columns[:3])})" if deed.columns else ""
        console.print(f"  {deed.at:%Y-%m-%d}  {safe(deed.kind):<12} {safe(deed.cause + blamed)}: {safe(deed.sentence[:200])}")


def _scores(said: "Backtest") -> Any:
    table = _table("window", "rows", *(line.title for line in said.lines))
    for number, window in enumerate(said.windows):
        values = [line.scores[number] for line in said.lines]
        cells = [_cell(value, values, said.higher) for value in values]
        table.add_row(f"{window.start:%Y-%m-%d}", f"{said.rows[number]}", *cells)
    return table


def _table(*names: str) -> Any:
    """A table whose columns are numbers but for the first."""
    from rich.table import Table

    table = Table(*names, box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _cell(value: float | None, others: list[float | None], higher: bool) -> str:
    """One score; the best of its row is green."""
    if value is None:
        return _NOTHING
    known = [other for other in others if other is not None]
    best = max(known) if higher else min(known)
    return f"[green]{value:.4g}[/green]" if value == best and min(known) < max(known) else f"{value:.4g}"


def _sums(said: "Backtest") -> Any:
    """Each way's metric, loss and trainings, and what they come to beside hindsight."""
    shown = any(line.share is not None for line in said.lines)
    table = _table("in sum", "mean", said.loss, "trainings", "loss won", *(["of hindsight"] if shown else []))
    for line in said.lines:
        mean, loss = (f"{value:.4f}" if value is not None else _NOTHING for value in (line.mean, line.loss))
        won = f"{100 * line.gain:.1f} %" if line.gain is not None else _NOTHING
        share = [f"{line.share:.2f}" if line.share is not None else _NOTHING] if shown else []
        table.add_row(line.title, mean, loss, str(line.counts.retrains), won, *share)
    return table


def _incidents(said: "Backtest") -> Any:
    """The incidents of the ways that have any, by how they ended, and the people called."""
    names = ("incidents", "promotions", "rejected", "quarantined", "rolled back", "escalated", "approvals asked", "calls a year")
    table = _table("way", *names)
    for line in said.lines:
        c = line.counts
        if c.incidents or c.rejected or c.escalated:
            counts = (c.incidents, c.promotions, c.rejected, c.quarantined, c.rolled_back, c.escalated, c.approvals)
            table.add_row(line.title, *map(str, counts), f"{line.calls_a_year:.1f}")
    return table
