"""modelmedic submit: a monitor, a heal or a bootstrap by hand."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from modelmedic.workflows.operations.submission import Ended


@click.command(short_help="Start a monitor, a heal or a bootstrap in the cluster, and follow it.")
@click.argument("what", type=click.Choice(["monitor", "heal", "bootstrap"]))
@click.argument("model")
@click.option("--incident", help="The id of the incident to heal; with heal alone.")
@click.option("--server", envvar="ARGO_SERVER", required=True, help="The Argo server, such as https://argo.example.com; or ARGO_SERVER.")
@click.option("--namespace", default="modelmedic", show_default=True, help="The namespace of the workflows.")
@click.option("--insecure", is_flag=True, help="Do not verify the server's certificate.")
@click.option("--no-follow", is_flag=True, help="Print the name of the Workflow and end without following it.")
@click.option("--dry-run", is_flag=True, help="Name what would be started; start nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.pass_context
def submit(
    ctx: click.Context,
    what: str,
    model: str,
    incident: str | None,
    server: str,
    namespace: str,
    insecure: bool,
    no_follow: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Start WHAT for MODEL through the Argo server (token in ARGO_TOKEN), follow it, and end with
    the exit code of its outcome.
    """
    import os
    from dataclasses import asdict

    from modelmedic.steps.contracts.errors import Conflict
    from modelmedic.workflows.cli.console import print_json
    from modelmedic.workflows.operations import submission

    wanted = submission.request(what, model, incident)
    if dry_run:
        click.echo(f"would start {wanted.kind} {wanted.name} in {namespace} {' '.join(wanted.parameters)}".rstrip())
        return
    service = submission.service(server, os.environ.get("ARGO_TOKEN"), verify=not insecure)
    try:
        name, how = submission.submit(service, wanted, namespace), "started"
    except Conflict:
        name, how = wanted.run, "is there already: followed, not started again (`argo retry` tries again what failed)"
    if no_follow:
        click.echo(name)
        return
    click.echo(f"{name}: {how}", err=True)
    for said in submission.follow(service, name, namespace):
        if isinstance(said, str):
            click.echo(said, err=True)
        elif as_json:
            print_json(asdict(said))
            ctx.exit(said.code)
        else:
            _show(said)
            ctx.exit(said.code)


def _show(ended: "Ended") -> None:
    outcome = ended.outputs.get("outcome") or ended.outputs.get("state") or ""
    click.echo(f"{ended.name}: {ended.phase}" + (f", {outcome}" if outcome else "") + (f": {ended.sentence}" if ended.sentence else ""))
