"""modelmedic reconcile: the sweep of one model between heals."""

from pathlib import Path

import click

from modelmedic.workflows.cli.place import place_options, policy_at, say, workspace


@click.command(short_help="Repair what a crash left half done, and assess past heals.")
@click.argument("policy", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@place_options
@click.pass_context
def reconcile(ctx: click.Context, policy: Path, as_json: bool, home: Path | None, below: tuple[Path, ...], above: tuple[Path, ...]) -> None:
    """Bring records, serving and aliases of POLICY's model back together, and assess heals whose
    labels have matured. Where the version that serves fails its callers, the incident about it is
    healed at once: one that was promoted shortly before is taken back.

    Exit code 77 when they do not agree and only a person can say which of them is right.
    """
    from modelmedic.steps.contracts.incident import SERVICE
    from modelmedic.steps.heal.engine import heal as walk
    from modelmedic.steps.reconcile.sweep import sweep
    from modelmedic.workflows.cli.console import out, print_json, safe

    place = workspace(home)
    site = place.site(policy_at(policy, below, above), say=say)
    done = sweep(site)
    if (current := site.ledger.current(site.model)) is not None and current.alert == SERVICE:
        walk(place.run(current.id, say=say))
    if as_json:
        print_json(done)
    else:
        for sentence in done.sentences or ("nothing to do: records, serving and aliases agree",):
            out().print(safe(sentence))
    ctx.exit(77 if done.disagreements else 0)
