"""modelmedic diff: what a render would change."""

from pathlib import Path
from typing import Any

import click

from modelmedic.workflows.cli.sources import policy_sources, sources_of

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(short_help="Show the changes that a render would make on disk or in the cluster.")
@policy_sources
@click.option("--out", type=_FOLDER, default=Path(), help="The folder that was rendered to; here when left out.")
@click.option("--cluster", is_flag=True, help="Compare with the cluster of your KUBECONFIG instead, by a server-side dry run.")
@click.option("--context", help="A context of KUBECONFIG; its current one when left out.")
def diff(out: Path, cluster: bool, context: str | None, **sources: Any) -> None:
    """Show how the manifests of each POLICY differ from those below --out, or from the cluster;
    exit code 65 when they do.
    """
    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.workflows.render.diff import diff_cluster, diff_tree
    from modelmedic.workflows.render.render import render

    policies, platform = sources_of(sources)
    tree = render(policies, platform)
    found = diff_cluster(tree, context) if cluster else "".join(f"{line}\n" for line in diff_tree(tree, out))
    click.echo(found, nl=False)
    if found:
        click.get_current_context().exit(BadInput.exit_code)
