"""modelmedic migrate: the formats of what a store keeps, and the step to this version's."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelmedic.workflows.cli.store import by_option, dry_run_option, json_option, opened, person, store_options

if TYPE_CHECKING:
    from modelmedic.steps.records.migration import Found


@click.command(short_help="Say in which formats the records lie, and bring the store to this version.")
@by_option
@dry_run_option
@json_option
@store_options
def migrate(by: str | None, dry_run: bool, as_json: bool, url: str | None, home: Path | None) -> None:
    """Say how many documents of each kind the store keeps and in which formats, and do what this
    version asks for.

    Documents of every earlier format are read as they are, and none is written again. A trail that
    an earlier version ended gets one record, store.migrated. Exit code 65, and nothing is written,
    when a document cannot be read or is of a newer version.
    """
    from modelmedic.steps.adapters.clocks import SystemClock
    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.steps.records import migration
    from modelmedic.workflows.cli.console import print_json

    who = person(by)
    store = opened(url, home, read_only=dry_run)
    found = migration.find(store)
    if not dry_run and not found.unreadable:
        migration.migrate(store, SystemClock(), who, found)
    if as_json:
        print_json({"dry_run": dry_run, **_plain(found)})
    else:
        _show(found, dry_run)
    if found.unreadable:
        raise BadInput(f"{len(found.unreadable)} documents cannot be read, and nothing was written; the first: {found.unreadable[0]}")


def _plain(found: "Found") -> dict[str, Any]:
    documents = [
        {
            "document": kept.document.name,
            "key": kept.document.key,
            "newest": kept.document.newest,
            "formats": {str(number): count for number, count in kept.formats.items()},
        }
        for kept in found.kept
    ]
    return {"documents": documents, "others": found.others, "unreadable": found.unreadable, "appends": found.behind}


def _show(found: "Found", dry_run: bool) -> None:
    from rich.table import Table

    from modelmedic.workflows.cli.console import out, safe, whole

    table = Table("document", whole("key", (kept.document.key for kept in found.kept)), "found", "newest format", box=None)
    for kept in found.kept:
        counts = ", ".join(f"{count} of format {number}" for number, count in kept.formats.items())
        table.add_row(*map(safe, (kept.document.name, kept.document.key, counts, str(kept.document.newest))))
    out().print(table)
    click.echo(f"{found.others} objects beside them are rows, models and pages; no document has to be written again")
    for model in found.behind if not found.unreadable else ():
        click.echo(f"{'would append' if dry_run else 'appended'} store.migrated to the trail of {model}")
