"""A port that is opened when it is first used: most steps never touch what serves, and may not even reach it."""

from collections.abc import Callable
from functools import cached_property
from typing import Any


class Later:
    """Stands for what `make` answers, which is asked once, at the first use of any of its attributes."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> object:
        return self._make()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made, name)
