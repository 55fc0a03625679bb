"""The places of generated files, and a rendered tree beside the one on disk: compared and
written.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from modelmedic.steps.contracts.errors import BadInput

BASE: Final = "k8s/base/generated"
EVENTS: Final = "argo-events"
LIST: Final = f"{BASE}/FILES"  # the last render's files, so that the next one removes those that it no longer writes
Tree = Mapping[str, str]  # texts by path below the output folder, `/` between its parts


@dataclass(frozen=True, slots=True)
class Difference:
    """The changes that a render makes on disk, each list sorted."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int

    @property
    def empty(self) -> bool:
        return not (self.added or self.changed or self.removed)

    def lines(self) -> list[str]:
        marked = [("+", path) for path in self.added] + [("~", path) for path in self.changed] + [("-", path) for path in self.removed]
        return [f"{mark} {path}" for mark, path in sorted(marked, key=lambda pair: pair[1])]


def with_list(files: Mapping[str, str]) -> dict[str, str]:
    """The same tree in order, with the list of its files."""
    listed = dict(sorted(files.items()))
    return listed | {LIST: "".join(f"{path}\n" for path in listed)}


def kustomization(resources: Iterable[str], more: Sequence[str] = ()) -> str:
    lines = ["apiVersion: kustomize.config.k8s.io/v1beta1", "kind: Kustomization", "resources:"]
    return "\n".join([*lines, *(f"- {name}" for name in resources), *more, ""])


def compare(tree: Tree, out: Path) -> Difference:
    """The changes that writing the tree would make below `out`."""
    root = os.fspath(out)
    added, changed, unchanged = [], [], 0
    for path, text in tree.items():
        there = _read(f"{root}/{path}")
        if there is None:
            added.append(path)
        elif there != text.encode():
            changed.append(path)
        else:
            unchanged += 1
    return Difference(tuple(added), tuple(changed), tuple(_stale(tree, out)), unchanged)


def write(tree: Tree, out: Path) -> Difference:
    """Write what differs, remove what an earlier render wrote and this one does not, leave every
    other file alone.
    """
    difference = compare(tree, out)
    try:
        for folder in sorted({path.rpartition("/")[0] for path in difference.added}):
            (out / folder).mkdir(parents=True, exist_ok=True)
        root = os.fspath(out)
        for path in (*difference.added, *difference.changed):
            with open(f"{root}/{path}", "wb") as file:  # noqa: PTH123 - thousands of files: a Path for each costs as much as the writing
                file.write(tree[path].encode())
        for path in difference.removed:
            (out / path).unlink(missing_ok=True)
            _prune((out / path).parent, out)
    except OSError as error:
        raise BadInput(f"tree cannot be written to {out}: {error}; what was written so far is replaced by the next render") from error
    return difference


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}; expected a file that an earlier render wrote, or none") from error


def _stale(tree: Tree, out: Path) -> list[str]:
    listed = _read(f"{os.fspath(out)}/{LIST}")
    paths = listed.decode(errors="replace").splitlines() if listed else []
    return sorted(path for path in paths if path not in tree and _ours(path) and (out / path).is_file())


def _ours(path: str) -> bool:
    """The list is a file that anybody can edit: nothing outside the generated folders is removed
    for it.
    """
    parts = PurePosixPath(path).parts
    return ".." not in parts and (path.startswith(f"{BASE}/") or path.startswith(f"{EVENTS}/"))


def _prune(folder: Path, out: Path) -> None:
    while folder != out and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
