"""All checks over one tree."""

from collections.abc import Mapping
from pathlib import Path

from modelmedic.workflows.lint import access, graph, lifecycle, network, references, security, structure, text
from modelmedic.workflows.lint.crds import crds as held_against
from modelmedic.workflows.lint.findings import Result
from modelmedic.workflows.lint.objects import read_objects
from modelmedic.workflows.lint.pods import pods
from modelmedic.workflows.lint.tools import built_by_kustomize
from modelmedic.workflows.lint.tools import tools as run_tools
from modelmedic.workflows.output.tree import BASE, EVENTS
from modelmedic.workflows.output.yaml import dump

_CHECKS = (
    structure.structure,
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


def lint(tree: Mapping[str, str], only: str | None = None) -> list[Result]:
    """The checks that need no other program, or the one of that name. `tree` is texts by path."""
    if only == "no-secrets-in-text":
        return [text.no_secrets_in_text(tree)]
    objects = read_objects(tree)
    results = [check(objects) for check in _CHECKS if only in (None, check.__name__.replace("_", "-"))]
    return results if only else [*results, text.no_secrets_in_text(tree)]


def lint_folder(folder: Path, *, crds: Path | None = None, tools: bool = True) -> list[Result]:
    """All checks over what is rendered below a folder, with other programs unless `tools` is false.

    Overlays are judged as kustomize puts them together, each by itself.
    """
    rendered = [folder / name for name in (BASE, EVENTS) if (folder / name).is_dir()] or [folder]
    tree = {file: text for part in rendered for file, text in read_tree(part, folder).items()}
    whole = {file: text for part in ("k8s", EVENTS) for file, text in read_tree(folder / part, folder).items()} or tree
    results = [*lint(tree)[:-1], text.no_secrets_in_text(whole), _custom(tree, crds)]
    if not tools:
        return results
    built = [_overlay(folder, file) for file in whole if file.startswith("k8s/overlays/") and file.endswith("/kustomization.yaml")]
    return [*results, *built, *run_tools(folder, whole)]


def write_pods(folder: Path, out: Path) -> int:
    """Each projected pod of a rendered tree as a file of its own below `out`; how many there are."""
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


def _custom(tree: Mapping[str, str], crds: Path | None) -> Result:
    if crds is None:
        return Result("crds", 0, skipped="no folder of CustomResourceDefinitions is named (--crds)")
    return held_against(read_objects(tree), crds)


def _overlay(folder: Path, file: str) -> Result:
    """Everything that one overlay would apply, through every check."""
    name = f"overlay-{Path(file).parent.name}"
    text_of, why = built_by_kustomize(folder / Path(file).parent)
    if text_of is None:
        return Result(name, 0, skipped=why)
    tree = {f"{Path(file).parent}/built.yaml": text_of}
    findings = [finding for each in lint(tree) for finding in each.found]
    return Result(name, len(read_objects(tree).all), tuple(findings))
