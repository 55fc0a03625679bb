"""All checks over one tree."""

from collections.abc import Mapping
from pathlib import Path

from workflows.lint import access, graph, lifecycle, network, references, security, structure, text
from workflows.lint.crds import crds as held_against
from workflows.lint.findings import Result
from workflows.lint.objects import read_objects
from workflows.lint.tools import tools as run_tools

_CHECKS = (
    structure.structure,
    security.pod_security,
    security.resources,
    security.tokens,
    security.secret_values,
    security.images,
    text.no_code_from_parameters,
    text.no_overrides,
    text.whole_alerts,
    graph.graphs,
    graph.approvals,
    lifecycle.lifecycle,
    lifecycle.retries,
    lifecycle.delivery,
    lifecycle.labels,
    access.access,
    access.admission,
    network.network,
    references.references,
    references.immutable_policies,
)


def lint(tree: Mapping[str, str]) -> list[Result]:
    """The checks that need no other program. `tree` is texts by path."""
    objects = read_objects(tree)
    return [*(check(objects) for check in _CHECKS), text.no_secrets_in_text(tree)]


def lint_folder(folder: Path, *, crds: Path | None = None, tools: bool = True) -> list[Result]:
    """All checks over what lies below a folder, with other programs unless `tools` is false."""
    tree = read_tree(folder)
    results = lint(tree)
    if crds:
        results.append(held_against(read_objects(tree), crds))
    else:
        results.append(Result("crds", 0, skipped="no folder of CustomResourceDefinitions is named (--crds)"))
    return [*results, *(run_tools(folder, tree) if tools else [])]


def read_tree(folder: Path) -> dict[str, str]:
    """The text files below a folder, by their path in it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in (".yaml", ".yml", ".json", "") and not any(part.startswith(".") for part in path.parts):
            found[path.relative_to(folder).as_posix()] = path.read_text(encoding="utf-8", errors="replace")
    return found
