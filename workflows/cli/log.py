"""modelmedic log: a person's own requests and labels, written where the monitor looks for them."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelmedic.workflows.cli.place import place_options, policy_at, workspace

if TYPE_CHECKING:
    from modelmedic.steps.contracts.policy import Policy
    from modelmedic.steps.core.tables.fed_rows import FittedRows
    from modelmedic.steps.data.feeding import FedObject

_MOST_NAMED = 10  # objects of one file


@click.command(short_help="Write requests and labels of your own into the inference log.")
@click.argument("policy", type=click.Path(path_type=Path))
@click.option("--requests", type=click.Path(path_type=Path), help="Answered requests, Parquet or CSV: time, features and prediction.")
@click.option("--labels", type=click.Path(path_type=Path), help="Labels, Parquet or CSV: request_id, target and labelled_at.")
@click.option("--version", help="The model version that answered, for requests that name none.")
@click.option("--labelled-at", "known_at", type=click.DateTime(), help="When the labels became known (UTC), for labels that do not say it.")
@click.option("--dry-run", is_flag=True, help="Check the files and name what would be written; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@place_options
def log(
    policy: Path,
    requests: Path | None,
    labels: Path | None,
    version: str | None,
    known_at: datetime | None,
    dry_run: bool,
    as_json: bool,
    home: Path | None,
    below: tuple[Path, ...],
    above: tuple[Path, ...],
) -> None:
    """Write requests that were answered elsewhere, and labels, where the monitor of POLICY's model
    reads them. Both files are checked before anything is written.

    The same file again writes nothing new. docs/feeding.md has the columns.
    """
    from modelmedic.steps.adapters.clocks import SystemClock
    from modelmedic.steps.data.backfill import label_objects, log_objects
    from modelmedic.steps.data.feeding import feed, joined
    from modelmedic.workflows.cli.console import print_json

    if requests is None and labels is None:
        raise click.UsageError("name a file with --requests, with --labels, or both")
    rules = policy_at(policy, below, above)
    asked, answers = _fitted(rules, requests, labels, version, known_at)
    store = workspace(home, read_only=dry_run).store
    written = {}
    if asked is not None:
        written["requests"] = (asked, feed(store, log_objects(rules, asked.table, "file"), dry_run=dry_run))
    if answers is not None:
        found = joined(store, rules, SystemClock(), answers.table, asked.table if asked is not None else None)
        answers = replace(answers, remarks=(*answers.remarks, found))
        written["labels"] = (answers, feed(store, label_objects(rules, answers.table, "file"), dry_run=dry_run))
    if as_json:
        print_json(
            {"model": rules.name, "store": str(store), "dry_run": dry_run, **{what: _plain(*each) for what, each in written.items()}}
        )
        return
    for what, each in written.items():
        _show(what, str(store), *each, dry_run=dry_run)


def _fitted(
    rules: "Policy", requests: Path | None, labels: Path | None, version: str | None, known_at: datetime | None
) -> "tuple[FittedRows | None, FittedRows | None]":
    """The rows of both files as they are to be written. Raises BadInput, naming the file."""
    from modelmedic.steps.adapters.tables.read import read_whole
    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.steps.contracts.inference_log import REQUEST_ID
    from modelmedic.steps.contracts.window import utc
    from modelmedic.steps.core.tables.fed_rows import TEXTS, fit_labels, fit_requests

    asked = read_whole(requests, TEXTS) if requests is not None else None
    told = read_whole(labels, TEXTS) if labels is not None else None
    if asked is not None and told is not None and REQUEST_ID not in asked.column_names:
        raise BadInput(f"file {requests} has no column {REQUEST_ID}, by which labels are joined; add it, or log the requests alone")
    file = requests
    try:
        rows = fit_requests(rules, asked, version) if asked is not None else None
        file = labels
        return rows, fit_labels(rules, told, utc(known_at) if known_at else None) if told is not None else None
    except BadInput as error:
        raise BadInput(f"file {file}: {error}") from error


def _plain(rows: "FittedRows", objects: "tuple[FedObject, ...]") -> dict[str, Any]:
    span = {"first": min(each.first for each in objects), "last": max(each.last for each in objects)}
    new = sum(each.rows for each in objects if each.new)
    return {"rows": rows.table.num_rows, "new_rows": new, **span, "objects": objects, "remarks": rows.remarks}


def _show(what: str, store: str, rows: "FittedRows", objects: "tuple[FedObject, ...]", *, dry_run: bool) -> None:
    from modelmedic.workflows.cli.console import out, safe

    first, last = min(each.first for each in objects), max(each.last for each in objects)
    new = [each for each in objects if each.new]
    span = f"{rows.table.num_rows} rows from {first:%Y-%m-%dT%H:%MZ} to {last:%Y-%m-%dT%H:%MZ}"
    out().print(f"[bold]{what}[/bold]: {span}, {_done(len(new), len(objects), dry_run)}; store {safe(store)}")
    for remark in rows.remarks:
        out().print(f"  {safe(remark)}")
    for each in new[:_MOST_NAMED]:
        out().print(f"  {each.rows:>7} rows  {safe(each.key)}")
    if len(new) > _MOST_NAMED:
        out().print(f"  … and {len(new) - _MOST_NAMED} more; --json has them all")


def _done(new: int, objects: int, dry_run: bool) -> str:
    if not new:
        return "all there already, nothing new"
    said = f"{'would be written' if dry_run else 'written'} to {_objects(new)}"
    return f"{said}, beside {_objects(objects - new)} that were there already" if new < objects else said


def _objects(count: int) -> str:
    return f"{count} objects" if count != 1 else "1 object"
