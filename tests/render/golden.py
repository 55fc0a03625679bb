"""The golden output: one configuration whole, every other one as what it changes. `python -m
tests.render.golden` writes it anew.
"""

import difflib
from functools import cache
from pathlib import Path

from modelmedic.workflows.inputs.labels import generator
from modelmedic.workflows.inputs.platform import Platform
from modelmedic.workflows.output.tree import BASE
from modelmedic.workflows.render.render import render
from tests.render.policies import NAMED, policy

FOLDER = Path(__file__).parent / "golden"


def files_of(name: str) -> dict[str, str]:
    """The model's own files, without what changes with every release of the program or field of the
    policy.
    """
    chosen = policy(name)
    prefix = f"{BASE}/models/{chosen.name}/"
    tree = render([chosen], Platform())
    return {path.removeprefix(prefix): _settled(text, chosen.hash) for path, text in tree.items() if path.startswith(prefix)}


@cache
def golden() -> dict[str, str]:
    """Every golden file by its path."""
    small = files_of("small")
    whole = {f"small/{name}": text for name, text in small.items()}
    return whole | {f"{name}.diff": _change(small, files_of(name)) for name in NAMED if name != "small"}


def _settled(text: str, digest: str) -> str:
    return text.replace(digest, "<hash>").replace(digest[:12], "<hash>").replace(generator(), "<generator>")


def _change(before: dict[str, str], after: dict[str, str]) -> str:
    lines: list[str] = []
    for name in sorted(before | after):
        old, new = (files.get(name, "").splitlines(keepends=True) for files in (before, after))
        lines += difflib.unified_diff(old, new, f"small/{name}", name, n=0)
    return "".join(lines)


if __name__ == "__main__":
    for path, text in golden().items():
        (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / path).write_text(text, encoding="utf-8")
