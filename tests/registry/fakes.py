"""A registry in this process's memory, for whoever needs one and no MLflow; it passes the suite of the real one."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from steps.contracts.errors import BadInput, NotFound, Refused, Transient
from steps.contracts.keys import model_prefix
from steps.contracts.training import ModelVersion
from steps.model_files import digest


class FakeRegistry:
    """Implements `steps.contracts.ports.Registry`. While `unreachable` is set, every call raises Transient.

    `files` is a folder for what is registered. `delete` does what a person does in MLflow's UI: the version's aliases go with it.
    """

    def __init__(self, files: Path, name: str = "flights") -> None:
        self.unreachable = False
        self.metrics: dict[str, dict[str, float]] = {}
        self._files = files
        self._name = name
        self._versions: dict[str, ModelVersion] = {}
        self._aliases: dict[str, str] = {}
        self._count = 0

    def alias(self, alias: str) -> str | None:
        self._reach()
        return self._aliases.get(alias)

    def move_alias(self, alias: str, version: str, *, expected: str | None) -> None:
        now = self.alias(alias)
        if now == version:
            return
        if now != expected:
            raise Refused(f"alias {alias} is at {now}; expected {expected}: somebody moved it, and that stands")
        self.version(version)
        self._aliases[alias] = version

    def register(self, model: Path, *, key: str, tags: Mapping[str, str], metrics: Mapping[str, float]) -> ModelVersion:
        self._reach()
        found = digest(model)
        if not key or set(key) & set("'\"`\\ "):
            raise BadInput(f"registration key is {key!r}; expected letters, digits, dots, dashes, colons or slashes")
        for each in self._versions.values():
            if each.tags["key"] == key:
                if each.digest != found:
                    raise Refused(f"version {each.version} was registered for {key} with another digest")
                return each
        self._count += 1
        version = str(self._count)
        shutil.copytree(model, self._files / version)
        made = ModelVersion(self._name, version, found, model_prefix(found), f"run-{version}", {**tags, "key": key, "digest": found})
        self._versions[version] = made
        self.metrics[version] = dict(metrics)
        return made

    def version(self, version: str) -> ModelVersion:
        self._reach()
        if version not in self._versions:
            raise NotFound(f"version {version} is not registered")
        return self._versions[version]

    def versions(self) -> tuple[ModelVersion, ...]:
        self._reach()
        return tuple(self._versions.values())

    def fetch(self, version: str, to: Path) -> Path:
        wanted = self.version(version)
        if digest(self._files / version) != wanted.digest:
            raise Refused(f"files of version {version} have another digest than they were registered with")
        shutil.rmtree(to, ignore_errors=True)
        return Path(shutil.copytree(self._files / version, to))

    def tamper(self, version: str) -> None:
        (self._files / version / "MLmodel").write_text("flavors: {evil: {}}\n")

    def delete(self, version: str) -> None:
        del self._versions[version]
        self._aliases = {alias: at for alias, at in self._aliases.items() if at != version}

    def add_by_hand(self, tags: Mapping[str, str]) -> str:
        """A version that somebody registered without us."""
        self._count += 1
        version = str(self._count)
        self._versions[version] = replace(ModelVersion(self._name, version, "", "s3://elsewhere/model"), tags={"key": "", **tags})
        return version

    def _reach(self) -> None:
        if self.unreachable:
            raise Transient("the registry is set to be unreachable")
