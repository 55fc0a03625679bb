"""The maker of a model by name and content: this program's version, the training function, and a
hash over the source files that it is made of. Nothing is imported for it: a user's code runs in the
training process alone.
"""

import ast
import importlib.util
from collections.abc import Iterator
from hashlib import sha256
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final

from modelmedic.steps.contracts.policy import Policy

_BUILTIN: Final = Path(__file__).parents[1] / "adapters" / "models" / "builtin.py"
_MOST_FILES: Final = 500
_PROGRAM: Final = ("modelmedic.steps.", "modelmedic.workflows.")  # which its version stands for


def code_version(policy: Policy) -> str:
    """One text that differs whenever the version of this program or the training code does."""
    files = source_files(policy.retrain.entrypoint)
    content = sha256()
    for name, file in sorted(files.items()):
        content.update(f"{name}\0{sha256(file.read_bytes()).hexdigest()}\n".encode())
    return f"modelmedic {metadata.version('modelmedic')}, {policy.retrain.entrypoint}, {content.hexdigest()[:12]}"


def source_files(entrypoint: str) -> dict[str, Path]:
    """The source files of a training function by their place: its module's, and those that it
    imports from the same folder, or from the same package where that is installed. Empty when the
    module is not found.
    """
    if entrypoint == "builtin":
        return {_BUILTIN.name: _BUILTIN}
    module = entrypoint.partition(":")[0]
    root = _root(module.partition(".")[0])
    if root is None:
        return {}
    inside = f"{module.partition('.')[0]}." if "site-packages" in root.parts else ""
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting and len(found) < _MOST_FILES:
        name = waiting.pop()
        if not f"{name}.".startswith(inside) or f"{name}.".startswith(_PROGRAM):
            continue
        for each in _with_parents(name):
            file = _file(root, each)
            if file is not None and str(file.relative_to(root)) not in found:
                found[str(file.relative_to(root))] = file
                waiting += _imported(file, each)
    return found


def _root(top: str) -> Path | None:
    """The folder that the top-level module or package lies in: the working folder comes first, as
    for `python -m`.
    """
    try:
        spec = PathFinder.find_spec(top, [str(Path.cwd())]) or importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    places = [Path(place).parent for place in spec.submodule_search_locations or ()]
    places += [Path(spec.origin).parent] if spec.origin and not places else []
    return next((place for place in places if place.is_dir()), None)


def _with_parents(name: str) -> Iterator[str]:
    """`a`, `a.b` and `a.b.c`: importing the last one runs all of them."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        yield ".".join(parts[:end])


def _file(root: Path, name: str) -> Path | None:
    place = root.joinpath(*name.split("."))
    return next((file for file in (place / "__init__.py", place.with_suffix(".py")) if file.is_file()), None)


def _imported(file: Path, name: str) -> Iterator[str]:
    """The names that the file imports, each as it would be asked for from the outside."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return
    package = name.split(".") if file.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (each for each in (base, *(f"{base}.{child.name}".strip(".") for child in node.names)) if each)
