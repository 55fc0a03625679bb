"""All checks over one tree; called by `modelmedic lint`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from modelmedic.workflows.lint import access, graph, lifecycle, network, references, security, text
from modelmedic.workflows.lint.findings import CheckResult, Unchecked
from modelmedic.workflows.lint.objects import Objects, read_objects
from modelmedic.workflows.lint.pods import pods
from modelmedic.workflows.lint.schemas.crds import CLUSTER, Definitions, cluster_definitions, read_definitions
from modelmedic.workflows.lint.structure import structure
from modelmedic.workflows.lint.tools import Tools
from modelmedic.workflows.output.tree import BASE, EVENTS
from modelmedic.workflows.output.yaml import dump

_CHECKS: Final[tuple[Callable[[Objects], CheckResult], ...]] = (
    security.pod_security,
    security.namespaces,
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


def lint(tree: Mapping[str, str], only: str | None = None, crds: Definitions | None = None) -> list[CheckResult]:
    """The checks that need no other program, or the one of that name. `tree` is texts by path."""
    if only == "no-secrets-in-text":
        return [text.no_secrets_in_text(tree)]
    results = _checked(read_objects(tree), crds, only)
    return results if only else [*results, text.no_secrets_in_text(tree)]


def lint_folder(folder: Path, *, crds: str | None = None, tools: bool = True) -> list[CheckResult]:
    """All checks over the tree below a folder, with other programs unless `tools` is false.

    Overlays are judged as kustomize puts them together, each by itself. `crds` is a folder of
    CustomResourceDefinitions, or `cluster`.
    """
    rendered = [folder / name for name in (BASE, EVENTS) if (folder / name).is_dir()] or [folder]
    tree = {file: text for part in rendered for file, text in read_tree(part, folder).items()}
    whole = {file: text for part in ("k8s", EVENTS) for file, text in read_tree(folder / part, folder).items()} or tree
    definitions = _definitions(crds, whole)
    if not tools:
        return [*_checked(read_objects(tree), definitions), text.no_secrets_in_text(whole)]
    with Tools(folder, whole) as programs:
        results = [*_checked(read_objects(tree), definitions), text.no_secrets_in_text(whole)]
        overlays = [_overlay(file, *programs.built(file), definitions) for file in programs.overlays()]
        return [*results, *overlays, *programs.results()]


def write_pods(folder: Path, out: Path) -> int:
    """Writes each projected pod of a rendered tree as a file of its own below `out`; returns how
    many there are.
    """
    tree = {file: text_of for part in (BASE, EVENTS) for file, text_of in read_tree(folder / part, folder).items()}
    found = pods(read_objects(tree))
    out.mkdir(parents=True, exist_ok=True)
    for pod in found:
        name = f"{pod.thing.kind.lower()}-{pod.thing.name}-{pod.name}.yaml"
        (out / name).write_text(dump(pod.document()), encoding="utf-8")
    return len(found)


def read_tree(part: Path, folder: Path) -> dict[str, str]:
    """The text files below `part`, by their path in `folder`."""
    found = {}
    for path in sorted(part.rglob("*")):
        if path.is_file() and path.suffix in (".yaml", ".yml", ".json", ".sh", ""):
            found[path.relative_to(folder).as_posix()] = path.read_text(encoding="utf-8", errors="replace")
    return found


def _checked(objects: Objects, crds: Definitions | None, only: str | None = None) -> list[CheckResult]:
    results = [structure(objects, crds)] if only in (None, "structure") else []
    return results + [check(objects) for check in _CHECKS if only in (None, _name(check))]


def _name(check: Callable[[Objects], CheckResult]) -> str:
    return check.__name__.replace("_", "-")


def _definitions(crds: str | None, tree: Mapping[str, str]) -> Definitions | None:
    if crds is None:
        return None
    if crds == CLUSTER:
        return cluster_definitions()
    return read_definitions(Path(crds), {thing.kind for thing in read_objects(tree).all})


def _overlay(file: str, built: str | None, why: str, crds: Definitions | None) -> CheckResult:
    """Everything that one overlay would apply, through every check."""
    name = f"overlay-{Path(file).parent.name}"
    if built is None:
        return CheckResult(name, 0, skipped=why)
    tree = {f"{Path(file).parent}/built.yaml": built}
    objects = read_objects(tree)
    results = [*_checked(objects, crds), text.no_secrets_in_text(tree)]
    findings = tuple(finding for each in results for finding in each.found)
    unchecked: tuple[Unchecked, ...] = results[0].unchecked
    return CheckResult(name, len(objects.all), findings, unchecked=unchecked, sources=results[0].sources)
