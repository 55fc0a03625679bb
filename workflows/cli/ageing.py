"""modelmedic ageing: what the age of a model has cost, and what its trainings won."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelmedic.workflows.cli.report_option import page_option, write_page
from modelmedic.workflows.cli.store import json_option, known_model, opened, store_options

if TYPE_CHECKING:
    from modelmedic.steps.reporting.pictures.ageing import AgeingCurve

_NOTHING = "-"


@click.command(short_help="Show what a model's age has cost, and what its trainings won.")
@click.argument("model")
@page_option
@json_option
@store_options
def ageing(model: str, report: Path | None, as_json: bool, url: str | None, home: Path | None) -> None:
    """Show what the age of MODEL has cost since each training, beside the price of one, in %-days:
    a hundred are 1 % of the loss for 100 days. The monitor measures it where the policy's `refresh`
    is auto.
    """
    from modelmedic.steps.adapters.clocks import SystemClock
    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.steps.records.history import History
    from modelmedic.steps.reporting.ageing import ageing_curve, ageing_page
    from modelmedic.workflows.cli.console import print_json

    store = opened(url, home, read_only=True)
    model = known_model(store, model)
    curve = ageing_curve(store, History(store, SystemClock()), model)
    if curve is None:
        raise BadInput(
            f"the ageing of {model} was not measured twice yet; the monitor looks once a week where the policy's refresh is auto"
        )
    if report is not None:
        write_page(report, ageing_page(model, curve))
    if as_json:
        print_json({"model": model, "curve": curve})
    else:
        _show(curve)


def _show(curve: "AgeingCurve") -> None:
    from rich.table import Table

    from modelmedic.steps.reporting.pictures.ageing import sentence
    from modelmedic.workflows.cli.console import out, safe

    out().print(safe(sentence(curve)))
    table = Table("look (UTC)", "age has cost", "a training costs", "% a day", "every, days", box=None, pad_edge=False)
    for each in curve.points:
        told = (each.paid, curve.price, each.ageing, each.interval)
        table.add_row(f"{each.at:%Y-%m-%d}", *(f"{value:.3g}" if value is not None else _NOTHING for value in told))
    out().print(table)
    if curve.trainings:
        out().print("\n[bold]What each training won[/bold]")
    for mark in curve.trainings:
        won = f"won {mark.won:.3g} %-days" if mark.won is not None else "is not compared yet"
        out().print(f"  {mark.at:%Y-%m-%d}  version {safe(mark.version)} {won}")
