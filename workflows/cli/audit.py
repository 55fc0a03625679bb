"""modelmedic audit: the record of every decision, shown and verified."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelmedic.workflows.cli.group import Suggesting
from modelmedic.workflows.cli.store import json_option, known_model, opened, store_options

if TYPE_CHECKING:
    from modelmedic.steps.contracts.audit import Record
    from modelmedic.steps.contracts.ports import ObjectStore
    from modelmedic.steps.records.verify import Witness

_LONGEST_FACTS = 160  # characters in a table


@click.group(cls=Suggesting, short_help="Show or verify the record of every decision.")
def audit() -> None:
    """Show or verify the trail: what was decided and done, by whom, each record bound to the one
    before by its hash.
    """


@audit.command(short_help="Show the records, oldest first.")
@click.argument("model", required=False)
@click.option("--incident", metavar="ID", help="Show the records of this incident alone.")
@click.option("--last", type=click.IntRange(min=1), help="Show this many records alone, the latest.")
@json_option
@store_options
def show(model: str | None, incident: str | None, last: int | None, as_json: bool, url: str | None, home: Path | None) -> None:
    """Show the records of MODEL, or of every model, oldest first. Showing them does not verify
    them.
    """
    from modelmedic.workflows.cli.console import print_json

    store = opened(url, home, read_only=True)
    records = sorted(_records(store, model, incident), key=lambda record: (record.at, record.model, record.sequence))
    records = records[-last:] if last else records
    if as_json:
        print_json({"records": records})
    else:
        _show(records, several=len({record.model for record in records}) > 1)


def _records(store: "ObjectStore", model: str | None, incident: str | None) -> Iterator["Record"]:
    from modelmedic.steps.adapters.clocks import SystemClock
    from modelmedic.steps.records.audit import AuditTrail
    from modelmedic.steps.records.known_models import models
    from modelmedic.steps.records.ledger import Ledger

    clock = SystemClock()
    if incident is not None:
        model = Ledger(store, clock).find(incident).model
    for name in (known_model(store, model),) if model is not None else models(store):
        yield from AuditTrail(store, name, clock, "reader").records(incident)


def _show(records: list["Record"], several: bool) -> None:
    from rich.table import Table

    from modelmedic.workflows.cli.console import out, safe, short

    table = Table("#", "at (UTC)", *(["model"] if several else []), "event", "phase", "by", "facts", box=None)
    for record in records:
        facts = short(json.dumps(dict(record.facts), ensure_ascii=False)) if record.facts else ""
        shown = facts if len(facts) <= _LONGEST_FACTS else f"{facts[: _LONGEST_FACTS - 1]}…"
        cells = [str(record.sequence), f"{record.at:%Y-%m-%d %H:%M:%S}", *([record.model] if several else [])]
        table.add_row(*map(safe, [*cells, record.event, record.phase.value, record.actor, shown]))
    if records:
        out().print(table)
    else:
        click.echo("no records", err=True)


@audit.command(short_help="Verify that the trail is still as it was written.")
@click.argument("model", required=False)
@json_option
@store_options
@click.pass_context
def verify(ctx: click.Context, model: str | None, as_json: bool, url: str | None, home: Path | None) -> None:
    """Check the trail of MODEL, or of every model: every changed, dropped, moved or inserted record
    is found, and every incident, verdict and release that is not what its record vouches for. The
    signatures of answers are verified anew. With
    MLflow at hand (MLFLOW_TRACKING_URI, or the workspace's own), a store that was set back is found
    as well.

    Exit code 77 when a trail is broken. Somebody who may rewrite every object of the store and the
    registry can rewrite a whole trail: only an object lock on the bucket helps against that.
    """
    from modelmedic.steps.adapters.clocks import SystemClock
    from modelmedic.steps.approval.proof import unproved_answers
    from modelmedic.steps.contracts.keys import model_hash
    from modelmedic.steps.records.known_models import by_hash
    from modelmedic.steps.records.verify import verify as check
    from modelmedic.workflows.cli.console import print_json

    store = opened(url, home, read_only=True)
    known = by_hash(store)
    wanted = [model_hash(known_model(store, model))] if model is not None else list(known)
    clock = SystemClock()
    checks = [check(store, clock, hashed, known[hashed], _witness(store, known[hashed], home)) for hashed in wanted]
    checks = [one if one.model is None else one.with_faults(unproved_answers(store, clock, one.model)) for one in checks]
    broken = any(one.broken for one in checks)
    if as_json:
        trails = [
            {"model": one.model, "intact": not one.broken, "records": one.records, "anchored": one.anchored, "faults": one.faults}
            for one in checks
        ]
        print_json({"ok": not broken, "records": sum(one.records for one in checks), "trails": trails})
    else:
        for one in checks:
            state = "BROKEN" if one.broken else "intact"
            seen = f", anchored at record {one.anchored}" if one.anchored is not None else ""
            click.echo(f"{one.name}: {state}, {one.records} records checked{seen}")
            for fault in one.faults:
                click.echo(f"  {fault.sentence}" + (" (harmless)" if fault.harmless else ""))
    ctx.exit(77 if broken else 0)


def _witness(store: "ObjectStore", model: str | None, home: Path | None) -> "Witness | None":
    """The registry of the model; None where no MLflow is named or made yet, or nothing tells how
    the model is called there.
    """
    from modelmedic.steps.records.policies import known_policy
    from modelmedic.steps.records.verify import Witness
    from modelmedic.steps.runtime.workspace import Workspace

    place = Workspace(home, read_only=True)
    policy = known_policy(store, model) if model is not None else None
    if policy is None or not place.has_registry:
        return None
    return Witness(place.versions(policy, place.root / "work" / policy.name), policy.registry.champion, place.anchor_key)
