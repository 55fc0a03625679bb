"""A registry in this process's memory, for whoever needs one and no MLflow: the rehearsed one, and
what people and networks do to it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from modelmedic.steps.adapters.memory.registry import RehearsedRegistry
from modelmedic.steps.contracts.errors import Transient
from modelmedic.steps.contracts.training import ModelVersion


class FakeRegistry(RehearsedRegistry):
    """Implements `modelmedic.steps.contracts.ports.Registry`. While `unreachable` is set, every
    call raises Transient.

    `files` is a folder for what is registered. `delete` does what a person does in MLflow's UI: the
    version's aliases go with it.
    """

    def __init__(self, files: Path, name: str = "flights") -> None:
        super().__init__(files, name)
        self.unreachable = False
        self.metrics: dict[str, dict[str, float]] = {}
        self.measured: list[tuple[str, datetime, int, dict[str, float]]] = []
        self.attached: dict[tuple[str, str], str] = {}

    def alias(self, alias: str) -> str | None:
        self._reach()
        return super().alias(alias)

    def register(
        self, model: Path, *, key: str, tags: Mapping[str, str], metrics: Mapping[str, float], params: Mapping[str, str] | None = None
    ) -> ModelVersion:
        self._reach()
        made = super().register(model, key=key, tags=tags, metrics=metrics, params=params)
        self.metrics.setdefault(made.version, dict(metrics))
        return made

    def measure(self, version: str, numbers: Mapping[str, float], *, at: datetime, step: int) -> None:
        self._reach()
        super().measure(version, numbers, at=at, step=step)
        self.measured += [(version, at, step, dict(numbers))]

    def attach(self, version: str, name: str, text: str) -> None:
        self._reach()
        super().attach(version, name, text)
        self.attached[version, name] = text

    def version(self, version: str) -> ModelVersion:
        self._reach()
        return super().version(version)

    def remark(self, name: str) -> str | None:
        self._reach()
        return super().remark(name)

    def set_remark(self, name: str, text: str) -> None:
        self._reach()
        super().set_remark(name, text)

    def versions(self) -> tuple[ModelVersion, ...]:
        self._reach()
        return super().versions()

    def tamper(self, version: str) -> None:
        (self._files / version / "MLmodel").write_text("flavors: {evil: {}}\n")

    def delete(self, version: str) -> None:
        del self._versions[version]
        self._aliases = {alias: at for alias, at in self._aliases.items() if at != version}

    def add_by_hand(self, tags: Mapping[str, str]) -> str:
        """A version that somebody registered without us."""
        version = self._next()
        self._versions[version] = replace(ModelVersion(self._name, version, "", "s3://elsewhere/model"), tags={"key": "", **tags})
        return version

    def _reach(self) -> None:
        if self.unreachable:
            raise Transient("the registry is set to be unreachable")
