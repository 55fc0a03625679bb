"""modelmedic render: a tree of manifests from policies."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from modelmedic.workflows.cli.sources import policy_sources, sources_of

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(short_help="Render policies to manifests for Argo, KServe and Prometheus.")
@policy_sources
@click.option("--out", type=_FOLDER, required=True, help="The folder that gets k8s/base/generated/ and argo-events/.")
@click.option("--check", is_flag=True, help="Write nothing; exit code 65 when the tree on disk is not what would be rendered.")
@click.option("--dry-run", is_flag=True, help="Write nothing; list what would change.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def render(out: Path, check: bool, dry_run: bool, as_json: bool, **sources: Any) -> None:
    """Render each POLICY, and what all of them share, below --out. Offline; the same input gives
    the same bytes.

    Files of an earlier render that are no longer needed are removed; no other file is touched.
    """
    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.workflows.cli.console import print_json
    from modelmedic.workflows.output.tree import compare, write

    with _without_garbage_collection():
        from modelmedic.workflows.render.render import render as rendered

        policies, platform = sources_of(sources)
        tree = rendered(policies, platform)
        difference = compare(tree, out) if check or dry_run else write(tree, out)
    if as_json:
        changes = {"added": difference.added, "changed": difference.changed, "removed": difference.removed}
        print_json({"files": len(tree), "unchanged": difference.unchanged, **changes, "written": not (check or dry_run)})
    elif check or dry_run:
        for line in difference.lines():
            click.echo(line)
    if check and not difference.empty:
        raise BadInput(f"{out} has {len(difference.lines())} files that differ from what is rendered; expected none: render it again")
    if not as_json:
        click.echo(_summary(len(policies), len(tree), difference, out, dry=check or dry_run), err=True)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """For a process that lives a second and builds much that lives as long: the collector would
    walk it again and again and find nothing.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _summary(policies: int, files: int, difference: Any, out: Path, *, dry: bool) -> str:
    verb = "would write" if dry else "wrote"
    return (
        f"{policies} {'policy' if policies == 1 else 'policies'}, {files} files below {out}: {verb} {len(difference.added)} new and "
        f"{len(difference.changed)} changed, {'would remove' if dry else 'removed'} {len(difference.removed)}, "
        f"{difference.unchanged} unchanged"
    )
