"""modelmedic lint: the checks of a tree of manifests before it is merged."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from modelmedic.workflows.lint.findings import CheckResult

_FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)
_OUT = click.Path(path_type=Path, file_okay=False)


@click.command(short_help="Check a rendered tree before it is merged.")
@click.argument("folder", type=_FOLDER)
@click.option(
    "--crds",
    metavar="FOLDER|cluster",
    help="CustomResourceDefinitions to hold custom kinds against: a folder, or `cluster` for those of KUBECONFIG's cluster.",
)
@click.option("--no-tools", is_flag=True, help="Run the built-in checks alone, without promtool, amtool, kustomize and argo.")
@click.option("--pods", type=_OUT, help="Also write each pod that would run, as a Pod, below this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def lint(folder: Path, crds: str | None, no_tools: bool, pods: Path | None, as_json: bool) -> None:
    """Check the manifests below FOLDER, where `modelmedic render --out FOLDER` wrote them; exit
    code 65 when anything is found.

    Each check says how many things it saw. A program that is not installed is named as skipped, and
    objects of a kind without a schema are counted as UNCHECKED. Scanners of Kubernetes see nothing
    in Argo's kinds: give them the folder of --pods.
    """
    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.workflows.cli.console import print_json
    from modelmedic.workflows.lint.run import lint_folder, write_pods

    if pods:
        click.echo(f"wrote {write_pods(folder, pods)} pods to {pods}", err=True)
    results = lint_folder(folder, crds=crds, tools=not no_tools)
    found = [finding for each in results for finding in each.found]
    if as_json:
        print_json({"ok": not found, "checks": [_plain(each) for each in results]})
    else:
        for each in results:
            _show(each)
    if found:
        raise BadInput(f"{folder} has {len(found)} {'finding' if len(found) == 1 else 'findings'}; expected none")


def _show(each: "CheckResult") -> None:
    said = f"skipped: {each.skipped}" if each.skipped else f"{len(each.found)} found" if each.found else "ok"
    sources = f" ({', '.join(f'{count} by {source}' for source, count in each.sources.items())})" if each.sources else ""
    click.echo(f"{each.check:<24} {each.seen:>5} seen   {said}{sources}")
    for finding in each.found:
        click.echo(f"  {finding}")
    for unchecked in each.unchecked:
        click.echo(f"  UNCHECKED: {unchecked}")


def _plain(each: "CheckResult") -> dict[str, Any]:
    found = [{"file": one.file, "where": one.where, "sentence": one.sentence} for one in each.found]
    unchecked = [{"kind": one.kind, "apiVersion": one.api_version, "objects": one.count} for one in each.unchecked]
    return {
        "check": each.check,
        "seen": each.seen,
        "found": found,
        "skipped": each.skipped or None,
        "unchecked": unchecked,
        "sources": dict(each.sources),
    }
