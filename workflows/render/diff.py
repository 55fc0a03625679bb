"""The differences between a rendered tree and the one on disk, or the objects of a cluster. Called
by `modelmedic diff`.
"""

import difflib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from modelmedic.steps.contracts.errors import BadInput, Transient
from modelmedic.workflows.lint.objects import KUSTOMIZATION, PLAIN
from modelmedic.workflows.output.tree import Tree, compare

_SECONDS: Final = 300


def diff_tree(tree: Tree, out: Path) -> Iterator[str]:
    """Unified differences, from what is on disk to what would be rendered."""
    difference = compare(tree, out)
    for path in sorted({*difference.added, *difference.changed, *difference.removed}):
        before = (out / path).read_text(encoding="utf-8", errors="replace") if path not in difference.added else ""
        after = tree.get(path, "")
        yield from difflib.unified_diff(before.splitlines(), after.splitlines(), f"a/{path}", f"b/{path}", lineterm="")


def diff_cluster(tree: Tree, context: str | None = None) -> str:
    """The changes that `kubectl apply --server-side` would make, as `kubectl diff` tells them,
    whoever owns the fields now; nothing is changed.

    Raises BadInput without kubectl, Transient when it fails.
    """
    if shutil.which("kubectl") is None:
        raise BadInput("kubectl is not installed; expected it on the PATH, with a KUBECONFIG for the cluster to compare with")
    command = ["kubectl", *([f"--context={context}"] if context else []), "diff", "--server-side", "--force-conflicts", "-f", "-"]
    done = subprocess.run(command, input=manifests(tree), capture_output=True, text=True, timeout=_SECONDS, check=False)
    if done.returncode > 1:
        raise Transient(f"kubectl diff failed: {' '.join(done.stderr.split())[-400:]}")
    return done.stdout


def manifests(tree: Tree) -> str:
    """Every Kubernetes object of the tree in one text, namespaces first."""
    files = [path for path in tree if path.endswith(".yaml") and _is_object(path)]
    return "---\n".join(tree[path] for path in sorted(files, key=lambda path: (not path.endswith("/namespace.yaml"), path)))


def _is_object(path: str) -> bool:
    parts = path.split("/")
    return parts[-1] not in KUSTOMIZATION and PLAIN not in parts and "argo-cd" not in parts
