"""modelmedic adopt: the champion that the registry has, taken over without a training."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelmedic.workflows.cli.place import place_options, policy_at, say, workspace

if TYPE_CHECKING:
    from modelmedic.steps.bootstrap.adoption import Adoption


@click.command(short_help="Take over a champion that is there already, without training.")
@click.argument("policy", type=click.Path(path_type=Path))
@click.option("--version", help="The version in the registry; default the one behind the policy's alias.")
@click.option("--data", type=click.Path(path_type=Path), help="Labelled rows that it never learnt from, Parquet or CSV; default its log.")
@click.option("--dry-run", is_flag=True, help="Say what would be its reference, and what is not known; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@place_options
def adopt(
    policy: Path,
    version: str | None,
    data: Path | None,
    dry_run: bool,
    as_json: bool,
    home: Path | None,
    below: tuple[Path, ...],
    above: tuple[Path, ...],
) -> None:
    """Take over the champion of POLICY that is in the registry already: it gets a reference for the
    monitor and a recorded release. Nothing is trained, served or deleted.

    The reference is the one that is kept for the version, else the rows that it was judged on, else
    those of --data, else the first labelled rows of its log. What is not known of it is said.
    """
    from modelmedic.steps.adapters.tables.read import read_table
    from modelmedic.steps.bootstrap.adoption import adopt as take_over
    from modelmedic.workflows.cli.console import print_json

    site = workspace(home, read_only=dry_run).site(policy_at(policy, below, above), say=say)
    adopted = take_over(site, version, read_table(data)[0] if data is not None else None, dry_run=dry_run)
    if as_json:
        print_json({"model": site.model, "adopted": adopted, "done": not dry_run})
    else:
        _show(site.model, adopted, dry_run)


def _show(model: str, adopted: "Adoption", dry_run: bool) -> None:
    from modelmedic.workflows.cli.console import out, safe

    span = f"{adopted.span.start:%Y-%m-%dT%H:%MZ} to {adopted.span.end:%Y-%m-%dT%H:%MZ}"
    become = "would be" if dry_run else "is"
    out().print(
        safe(f"version {adopted.version} of {model} {become} the champion, and counts as serving since {adopted.since:%Y-%m-%dT%H:%MZ}")
    )
    out().print(safe(f"  its reference: {adopted.source}, {adopted.rows} rows from {span}"))
    if adopted.unknown:
        out().print("  not known:")
    for sentence in adopted.unknown:
        out().print(safe(f"  - {sentence}"))
