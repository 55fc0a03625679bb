"""modelmedic autonomy: the levels that harm has left to the remedies, and their restore."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelmedic.workflows.cli.group import Suggesting
from modelmedic.workflows.cli.store import by_option, dry_run_option, json_option, known_model, opened, person, store_options

if TYPE_CHECKING:
    from modelmedic.steps.contracts.ports import ObjectStore
    from modelmedic.steps.core.review.autonomy import Standing


@click.group(cls=Suggesting, short_help="Show what autonomy harm has left, and give it back.")
def autonomy() -> None:
    """Show what autonomy harm has left to the remedies, and give it back."""


@autonomy.command(short_help="Show the level of each remedy, and why it fell.")
@click.argument("model", required=False)
@json_option
@store_options
def status(model: str | None, as_json: bool, url: str | None, home: Path | None) -> None:
    """Show the level that the policy of the newest incident states for each remedy, the one in
    force, and the harm for which it fell; of MODEL, or of every model of the store.
    """
    from modelmedic.steps.adapters.clocks import SystemClock
    from modelmedic.steps.records.ledger import Ledger
    from modelmedic.workflows.cli.console import print_json

    store = opened(url, home, read_only=True)
    names = [known_model(store, model)] if model is not None else [each.model for each in Ledger(store, SystemClock()).newest()]
    rows = [row for name in names for row in _rows(store, name)]
    if as_json:
        print_json({"levels": rows})
    else:
        _show(rows)


@autonomy.command(short_help="Give a remedy back the autonomy that it lost.")
@click.argument("model")
@click.argument("remedy", type=click.Choice(["quarantine", "rollback", "recalibrate", "retrain"]))
@click.option("--reason", default="", help="What makes the remedy safe again, in a sentence that is kept; asked for.")
@by_option
@dry_run_option
@json_option
@store_options
def restore(model: str, remedy: str, reason: str, by: str | None, dry_run: bool, as_json: bool, url: str | None, home: Path | None) -> None:
    """Let REMEDY of MODEL do again what its policy says, in your name, after it fell. Harm that
    comes later lowers it again.
    """
    from modelmedic.steps.adapters.clocks import SystemClock
    from modelmedic.steps.contracts.words import Remedy
    from modelmedic.steps.review.autonomy import restore as give_back
    from modelmedic.workflows.cli.console import out, print_json, safe

    who, store = person(by), opened(url, home, read_only=dry_run)
    order = give_back(store, SystemClock(), known_model(store, model), Remedy(remedy), by=who, reason=reason, dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, "restore": order})
    else:
        said = f"{remedy} of {model} may do again what its policy says, by {order.by}: {order.reason}"
        out().print(f"{'would do: ' if dry_run else ''}{safe(said)}")


def _rows(store: "ObjectStore", model: str) -> "tuple[Standing, ...]":
    from modelmedic.steps.adapters.clocks import SystemClock
    from modelmedic.steps.core.review.autonomy import standings
    from modelmedic.steps.records.ledger import Ledger
    from modelmedic.steps.records.policies import policy_of
    from modelmedic.steps.review.autonomy import standing_falls

    incidents = Ledger(store, SystemClock()).incidents(model)
    return standings(policy_of(store, incidents[-1]), standing_falls(store, SystemClock(), model)) if incidents else ()


def _show(rows: "list[Standing]") -> None:
    from rich.table import Table

    from modelmedic.workflows.cli.console import out, safe, talk, whole

    if not rows:
        talk().print("no model has had an incident yet, so nothing has fallen")
        return
    table = Table(whole("model", (row.model for row in rows)), "remedy", "stated", "in force", "because", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*map(safe, (row.model, row.remedy.value, row.stated.value, row.in_force.value, "; ".join(row.because))))
    out().print(table)
