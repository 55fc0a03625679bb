"""modelmedic freeze: orders that let nothing advance for a while, listed and lifted."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelmedic.workflows.cli.store import by_option, dry_run_option, json_option, known_model, opened, person, reason_option, store_options

if TYPE_CHECKING:
    from modelmedic.steps.contracts.control import FreezeOrder


@click.command(short_help="Freeze models for a while, or list what is frozen.")
@click.argument("model", required=False)
@click.option("--all", "everything", is_flag=True, help="Freeze every model of the store, known today or not.")
@click.option(
    "--until", help="The end: a time such as 2026-01-31T18:00:00Z, or a span from now such as 3d; until it is lifted when left out."
)
@click.option("--lift", is_flag=True, help="End the freeze of exactly this scope.")
@by_option
@reason_option
@dry_run_option
@json_option
@store_options
def freeze(
    model: str | None,
    everything: bool,
    until: str | None,
    lift: bool,
    by: str | None,
    reason: str,
    dry_run: bool,
    as_json: bool,
    url: str | None,
    home: Path | None,
) -> None:
    """Let nothing advance for MODEL or with --all for every model: no training, no canary, no
    promotion. Retreats are never frozen.

    Without MODEL and --all: list the freezes that hold. A freeze that the policy states itself
    (limits.freeze) is not listed.
    """
    if model is not None and everything:
        raise click.UsageError("name one model or --all, not both")
    if model is None and not everything and (until or lift or reason or by or dry_run):
        raise click.UsageError("name a model, or --all")
    if lift and until:
        raise click.UsageError("--lift ends a freeze now; --until does not go with it")
    if model is None and not everything:
        _list(url, home, as_json)
    else:
        _order(model, until, lift, by, reason, dry_run, as_json, url, home)


def _order(
    model: str | None,
    until: str | None,
    lift: bool,
    by: str | None,
    reason: str,
    dry_run: bool,
    as_json: bool,
    url: str | None,
    home: Path | None,
) -> None:
    from modelmedic.steps.adapters.clocks import SystemClock
    from modelmedic.steps.records.freezes import Freezes
    from modelmedic.workflows.cli.console import print_json

    who, clock = person(by), SystemClock()
    end = _moment(until, clock.now()) if until is not None else None
    store = opened(url, home, read_only=dry_run)
    freezes = Freezes(store, clock)
    scope = known_model(store, model) if model is not None else None
    if lift:
        order = freezes.lift(scope, by=who, reason=reason, dry_run=dry_run)
    else:
        order = freezes.freeze(scope, by=who, reason=reason, until=end, dry_run=dry_run)
    if as_json:
        print_json({"lifted": lift, "dry_run": dry_run, "freeze": order})
        return
    said = ("would be lifted: " if dry_run else "lifted: ") if lift else ("would hold: " if dry_run else "")
    click.echo(f"{said}{order.sentence}")
    _warn_of_others(freezes.standing(), order, lift)


def _warn_of_others(standing: tuple["FreezeOrder", ...], order: "FreezeOrder", lift: bool) -> None:
    """Names a freeze that still holds after another one was lifted."""
    for other in standing if lift else ():
        if other.model != order.model and (other.model is None or order.model is None):
            click.echo(f"still holds: {other.sentence}", err=True)


def _list(url: str | None, home: Path | None, as_json: bool) -> None:
    from modelmedic.steps.adapters.clocks import SystemClock
    from modelmedic.steps.records.freezes import Freezes
    from modelmedic.workflows.cli.console import print_json

    orders = Freezes(opened(url, home, read_only=True), SystemClock()).standing()
    if as_json:
        print_json({"freezes": orders})
        return
    for order in orders:
        click.echo(order.sentence)
    if not orders:
        click.echo("nothing is frozen", err=True)


def _moment(text: str, now: datetime) -> datetime:
    """A moment, or a span from now. Raises BadInput for anything else; a moment without a zone is
    UTC.
    """
    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.steps.contracts.window import parse_duration, utc

    try:
        return utc(datetime.fromisoformat(text))
    except ValueError:
        pass
    try:
        return (now + parse_duration(text)).astimezone(UTC)
    except (BadInput, OverflowError):
        raise BadInput(f"--until is {text!r}; expected a time such as 2026-01-31T18:00:00Z or a span from now such as 3d") from None
