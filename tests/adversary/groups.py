"""The groups of attacks: the modules of this package that offer `attacks(seed)`."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from types import ModuleType

import tests.adversary
from tests.adversary.attack import Attack

Group = Callable[[int], Iterator[Attack]]


def groups() -> dict[str, Group]:
    """By the module's name, in its order."""
    return {name: module.attacks for name, module in _modules().items()}


def about() -> dict[str, str]:
    """The first sentence of each group's docstring."""
    return {name: " ".join(str(module.__doc__).split()).partition(". ")[0].removesuffix(".") for name, module in _modules().items()}


def _modules() -> dict[str, ModuleType]:
    names = sorted(each.name for each in pkgutil.iter_modules(tests.adversary.__path__))
    modules = {name: importlib.import_module(f"tests.adversary.{name}") for name in names if _may_be_one(name)}
    return {name: module for name, module in modules.items() if hasattr(module, "attacks")}


def _may_be_one(name: str) -> bool:
    return name != "__main__" and not name.startswith("test_")
