"""`python -m tests.adversary`: try every attack, and say what held."""

import itertools
import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import click
from rich.console import Console

from tests.adversary.attack import Attack
from tests.adversary.groups import about, groups
from tests.adversary.page import PAGE, rewritten
from tests.adversary.processes import run_all
from tests.adversary.table import Tally, document, drawn


@click.command()
@click.option("--only", metavar="GROUP", multiple=True, type=click.Choice(sorted(groups())), help="This group; may be given several times.")
@click.option("--seed", default=0, show_default=True, help="From which whatever is drawn at random is drawn.")
@click.option("--most", type=click.IntRange(min=1), help="Try at most so many attacks of a group.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, type=click.IntRange(min=1), help="Attacks at a time.")
@click.option("--page", is_flag=True, help="Write the table into docs/security.md as well.")
@click.option("--json", "as_json", is_flag=True, help="Print a document instead of a table.")
def main(only: tuple[str, ...], seed: int, most: int | None, jobs: int, page: bool, as_json: bool) -> None:
    """Try every attack, and print how many were tried, held, did not hold and were skipped, with
    each that did not hold. Exit code 1 when one did not.
    """
    began, at = time.monotonic(), datetime.now(UTC)
    tally = Tally()
    for attack, result in run_all(_attacks(only, seed, most), jobs):
        tally.add(attack, result)
    found = {"at": at.isoformat(timespec="seconds"), "seed": seed, "seconds": round(time.monotonic() - began), **document(tally)}
    if page:
        PAGE.write_text(rewritten(PAGE.read_text(), found, about()))
    click.echo(json.dumps(found, indent=2)) if as_json else _show(found)
    sys.exit(1 if found["not_held"] else 0)


def _attacks(only: tuple[str, ...], seed: int, most: int | None) -> Iterator[Attack]:
    for name, attacks in groups().items():
        if not only or name in only:
            click.echo(f"{name} …", err=True)
            yield from itertools.islice(attacks(seed), most)


def _show(found: dict[str, object]) -> None:
    console = Console(width=160)
    console.print(drawn(found))
    for word in ("not_held", "skipped"):
        for each in found[word]:  # type: ignore[attr-defined]
            console.print(f"{word.replace('_', ' ')}: {each['group']}: {each['name']}: {each['sentence']}", markup=False, highlight=False)


if __name__ == "__main__":
    main()
