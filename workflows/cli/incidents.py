"""modelmedic incidents: the incidents of the models, and the whole story of one of them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelmedic.workflows.cli.store import json_option, known_model, opened, places, store_options

if TYPE_CHECKING:
    from modelmedic.steps.contracts.incident import Incident
    from modelmedic.steps.records.ledger import Ledger

_EFFECTIVE = {True: "yes", False: "no", None: ""}


@click.command(short_help="List incidents, or tell the story of one.")
@click.argument("incident", metavar="[ID]", required=False)
@click.option("--model", help="List the incidents of this model alone.")
@click.option("--open", "only_open", is_flag=True, help="List open incidents alone.")
@json_option
@store_options
def incidents(incident: str | None, model: str | None, only_open: bool, as_json: bool, url: str | None, home: Path | None) -> None:
    """List the incidents, newest last; with ID, tell the whole story of one: cause, evidence,
    gates, answers, and how it ended.
    """
    from modelmedic.steps.adapters.clocks import SystemClock
    from modelmedic.steps.records.ledger import Ledger
    from modelmedic.workflows.cli.console import print_json

    if incident is not None and (model or only_open):
        raise click.UsageError("ID names one incident; --model and --open go with a list")
    store = opened(url, home, read_only=True)
    ledger = Ledger(store, SystemClock())
    if incident is not None:
        from modelmedic.workflows.cli.incident_story import story, tell

        found = story(ledger, ledger.find(incident), places(url, home))
        print_json(found) if as_json else tell(found)
        return
    listed = ledger.open_incidents() if only_open else ledger.incidents(known_model(store, model) if model else None)
    kept = [one for one in listed if model in (None, one.model)]
    rows = [_row(ledger, one) for one in sorted(kept, key=lambda one: (one.opened_at, one.id))]
    if as_json:
        print_json({"incidents": rows})
    else:
        _show(rows)


def _row(ledger: "Ledger", incident: "Incident") -> dict[str, Any]:
    from modelmedic.steps.approval.pending import pending

    diagnosed, closing = ledger.stage(incident, "diagnose") or {}, ledger.closing(incident)
    waiting = pending(ledger, incident) if closing is None else None
    return {
        "id": incident.id,
        "model": incident.model,
        "opened": incident.opened_at,
        "alert": incident.alert,
        "cause": diagnosed.get("diagnosis", {}).get("cause"),
        "remedy": diagnosed.get("decision", {}).get("remedy"),
        "outcome": closing.outcome if closing else None,
        "waiting_for": waiting.stage if waiting else None,
        "closed": closing.at if closing else None,
        "effective": closing.effective if closing else None,
    }


def _show(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    from modelmedic.workflows.cli.console import out, safe, whole

    if not rows:
        click.echo("no incidents", err=True)
        return
    ids = whole("id", (row["id"] for row in rows))
    table = Table(ids, "model", "opened (UTC)", "alert", "cause", "remedy", "outcome", "effective", box=None)
    for row in rows:
        ended = row["outcome"].value if row["outcome"] else "waits for an answer" if row["waiting_for"] else "open"
        cells = (row["id"], row["model"], f"{row['opened']:%Y-%m-%d %H:%M}", row["alert"], row["cause"] or "", row["remedy"] or "")
        table.add_row(*map(safe, (*cells, ended, _EFFECTIVE[row["effective"]])))
    out().print(table)
