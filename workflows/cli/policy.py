"""modelmedic validate, defaults and schema: the faults of a policy, its values with their sources,
and its JSON Schema.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from modelmedic.steps.adapters.policy.check import Checked
    from modelmedic.steps.contracts.policy import Policy, Rule
    from modelmedic.steps.core.scaffold.rate import RowRate

    Rate = Callable[[Policy], RowRate | None]

_FILE = click.Path(path_type=Path)
_below = click.option(
    "--defaults", "below", type=_FILE, multiple=True, help="Org-wide defaults under the policy; may be repeated, the later wins."
)
_above = click.option(
    "--overlay", "above", type=_FILE, multiple=True, help="An environment's values over the policy; may be repeated, the later wins."
)
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")


@click.command(short_help="Check policies and name every fault in them.")
@click.argument("files", metavar="POLICY...", type=_FILE, nargs=-1, required=True)
@_below
@_above
@click.option("--data", type=_FILE, help="Rows of the model, Parquet or CSV, that say how many come a day; one POLICY only.")
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="The workspace folder; default .modelmedic.")
@_json
@click.pass_context
def validate(
    ctx: click.Context,
    files: tuple[Path, ...],
    below: tuple[Path, ...],
    above: tuple[Path, ...],
    data: Path | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Check each POLICY and name every fault of all of them: file, line, the value, and the values
    that are allowed.

    Where it is known how many rows come a day, from --data or from the model's inference log in the
    workspace or the store of MODELMEDIC_STORE, it is a fault as well to ask for more than can come:
    a canary's requests, a window's rows, a training's.

    Files of org-wide defaults and overlays may be named too; they are checked by themselves. Exit
    code 78 when anything is wrong.
    """
    from modelmedic.steps.adapters.policy.check import check_files
    from modelmedic.steps.adapters.policy.file import PolicyFaults
    from modelmedic.workflows.cli.console import print_json

    if data is not None and len({file.resolve() for file in files}) > 1:
        raise click.UsageError("--data is about one model's rows; name one POLICY with it")
    once = {file.resolve(): file for file in reversed(files)}  # a file named twice is no namesake of itself
    rate = _rate_of_file(data) if data is not None else _rate_of_log(home)
    results, faults = check_files(reversed(once.values()), below, above, rate)
    if as_json:
        print_json({"ok": not faults, "policies": [_plain(result) for result in results], "faults": faults})
        ctx.exit(PolicyFaults.exit_code if faults else 0)
    for result in results:
        if result.ok:
            told = f"; it can pass at {result.rate}" if result.rate else ""
            click.echo(f"{result.file}: ok, {result.kind}" + (f" {result.policy.name}" if result.policy else "") + told)
            for rule in _overdue(result):
                told = f"rule {rule.id} of {rule.owner} was looked at on {rule.reviewed} last"
                click.echo(f"{result.file}: {told}; `modelmedic rules review` shows what it did since", err=True)
    if faults:
        raise PolicyFaults(faults)


def _plain(result: "Checked") -> dict[str, Any]:
    said = {"file": result.file, "kind": result.kind, "ok": result.ok}
    said |= {"rate": result.rate} if result.rate else {}
    said |= {"overdue": [rule.id for rule in late]} if (late := _overdue(result)) else {}
    return said | ({"name": result.policy.name, "hash": result.policy.hash} if result.policy else {})


def _overdue(result: "Checked") -> "tuple[Rule, ...]":
    from modelmedic.steps.adapters.clocks import SystemClock
    from modelmedic.steps.core.review.rules import overdue

    return overdue(result.policy, SystemClock().now()) if result.policy is not None else ()


def _rate_of_file(data: Path) -> "Rate":
    def rate(policy: "Policy") -> "RowRate":
        from modelmedic.steps.adapters.tables.read import read_table
        from modelmedic.steps.contracts.errors import BadInput
        from modelmedic.steps.core.scaffold.rate import rate_of

        table, rows = read_table(data)
        if policy.data.time not in table.column_names:
            raise BadInput(f"column {policy.data.time}, the policy's data.time, is not in {data} ({', '.join(table.column_names[:30])})")
        found = rate_of(table[policy.data.time], rows)
        if not found.per_day:
            raise BadInput(
                f"column {policy.data.time} of {data} holds fewer than two different times; expected such as 2026-01-31T18:00:00Z"
            )
        _say_what_bootstrap_refuses(policy, table, data)
        return found

    return rate


def _say_what_bootstrap_refuses(policy: "Policy", table: "pa.Table", data: Path) -> None:
    """Rows may say how many come a day without being fit to learn from; stderr says so."""
    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.steps.data.labelled import logged_rows

    try:
        logged_rows(policy, table, str(data))
    except BadInput as error:
        click.echo(f"{data} says how many rows come a day, and `modelmedic bootstrap` would refuse it: {error}", err=True)


def _rate_of_log(home: Path | None) -> "Rate":
    """The rate by the inference log of a store that is there; where that cannot be read, the rate
    is not known, and stderr says why.
    """
    from modelmedic.steps.runtime.workspace import Workspace

    place = Workspace(home, read_only=True)

    def rate(policy: "Policy") -> "RowRate | None":
        from modelmedic.steps.adapters.clocks import SystemClock
        from modelmedic.steps.contracts.errors import ModelmedicError
        from modelmedic.steps.data.log_rate import log_rate

        try:
            return log_rate(place.store, policy, SystemClock())
        except ModelmedicError as error:
            click.echo(f"{policy.name}: how many rows come a day is not known: {error}", err=True)
            return None

    there = "MODELMEDIC_STORE" in place.environment or Path(place.store_url).is_dir()
    return rate if there else lambda _policy: None


@click.command(short_help="Show every value of a policy, with its source.")
@click.argument("file", metavar="POLICY", type=_FILE)
@_below
@_above
@_json
def defaults(file: Path, below: tuple[Path, ...], above: tuple[Path, ...], as_json: bool) -> None:
    """Show every value of POLICY, those that it leaves out included, and where each comes from:
    file and line, or default.
    """
    from modelmedic.steps.adapters.policy.file import load_document
    from modelmedic.steps.adapters.policy.text import policy_yaml
    from modelmedic.workflows.cli.console import print_json

    document = load_document(file, below, above)
    if as_json:
        print_json(document.origins)
    else:
        comments = {path: stated.origin for path, stated in document.origins.items()}
        click.echo(policy_yaml(document.policy, comments), nl=False)


@click.command(short_help="Print the JSON Schema of a healing policy.")
@click.option(
    "--kind",
    type=click.Choice(["HealingPolicy", "HealingPolicyDefaults", "HealingPolicyOverlay"]),
    default="HealingPolicy",
    show_default=True,
    help="The kind of file that the schema is for.",
)
@click.option("--out", type=_FILE, help="Write the schema to this file instead of stdout.")
def schema(kind: Any, out: Path | None) -> None:
    """Print the JSON Schema (draft 2020-12) of a policy, for an editor that checks YAML as it is
    typed.

    \b
    With yaml-language-server, the first line of a policy names the file:
    # yaml-language-server: $schema=policy.schema.json
    """
    import json

    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.steps.contracts.policy_schema import policy_schema

    text = json.dumps(policy_schema(kind), indent=2, ensure_ascii=False) + "\n"
    if out:
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            raise BadInput(f"{out} cannot be written ({(error.strerror or str(error)).lower()}); expected a file in a folder") from error
        click.echo(f"wrote {out}", err=True)
    else:
        click.echo(text, nl=False)
