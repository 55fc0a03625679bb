"""modelmedic bootstrap: the first champion, from labelled rows."""

from pathlib import Path

import click

from modelmedic.workflows.cli.place import place_options, policy_at, say, workspace


@click.command(short_help="Train, register and serve the first champion.")
@click.argument("policy", type=click.Path(path_type=Path))
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Labelled rows, Parquet or CSV: features, time and target.")
@click.option("--dry-run", is_flag=True, help="Check policy, data, records and registry; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@place_options
def bootstrap(
    policy: Path, data: Path, dry_run: bool, as_json: bool, home: Path | None, below: tuple[Path, ...], above: tuple[Path, ...]
) -> None:
    """Train a first champion for POLICY on labelled rows, hold it against its gates, register it
    and serve it.

    Refused when the model has a champion already.
    """
    from modelmedic.steps.adapters.tables.read import read_table
    from modelmedic.steps.bootstrap.in_process import bootstrap as first_champion
    from modelmedic.steps.bootstrap.in_process import expect_possible
    from modelmedic.workflows.cli.console import out, print_json, safe

    rules = policy_at(policy, below, above)
    table, rows = read_table(data)
    if dry_run:
        plan = expect_possible(workspace(home, read_only=True).site(rules, say=say), table)
        print_json({"model": rules.name, "rows": rows, "plan": plan}) if as_json else out().print(safe(f"{rules.name}: {plan.reason}"))
        return
    site = workspace(home).site(rules, say=say)
    version = first_champion(site, table)
    url = site.serving.state().champion
    if as_json:
        print_json({"model": rules.name, "version": version, "url": url.url if url else None})
    else:
        out().print(safe(f"version {version.version} of {rules.name} is the champion and serves at {url.url if url else 'nowhere'}"))
    say("the monitor reads what is asked there; docs/feeding.md says how labels, and requests answered elsewhere, get in: `modelmedic log`")
