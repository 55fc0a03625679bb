"""A registry in this process, for a rehearsal: it keeps the rules of the real one, and ends with
the process except for its files.
"""

import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from modelmedic.steps.adapters.models.files import digest
from modelmedic.steps.contracts.errors import BadInput, NotFound, Refused
from modelmedic.steps.contracts.keys import model_prefix
from modelmedic.steps.contracts.training import ModelVersion

_FORBIDDEN = frozenset("'\"`\\ ")  # in a key: MLflow's filter language cannot quote them


class RehearsedRegistry:
    """Implements `Registry`. `files` is a folder for what is registered."""

    def __init__(self, files: Path, name: str) -> None:
        self._files = files
        self._name = name
        self._versions: dict[str, ModelVersion] = {}
        self._aliases: dict[str, str] = {}
        self._count = 0
        self._remarks: dict[str, str] = {}

    def alias(self, alias: str) -> str | None:
        return self._aliases.get(alias)

    def move_alias(self, alias: str, version: str, *, expected: str | None) -> None:
        now = self.alias(alias)
        if now == version:
            return
        if now != expected:
            raise Refused(f"alias {alias} of {self._name} is at {now}; expected {expected}: another writer moved it, and that stands")
        self.version(version)
        self._aliases[alias] = version

    def register(
        self, model: Path, *, key: str, tags: Mapping[str, str], metrics: Mapping[str, float], params: Mapping[str, str] | None = None
    ) -> ModelVersion:
        del metrics, params  # people look at them in MLflow; a rehearsal has no such page
        found = digest(model)
        if not key or set(key) & _FORBIDDEN:
            raise BadInput(f"registration key is {key[:80]!r}; expected letters, digits, dots, dashes, colons or slashes")
        for each in self._versions.values():
            if each.tags["key"] == key:
                return self._checked(each, found, key)
        version = self._next()
        shutil.copytree(model, self._files / version)
        made = ModelVersion(self._name, version, found, model_prefix(found), None, {**tags, "key": key, "digest": found})
        self._versions[version] = made
        return made

    def measure(self, version: str, numbers: Mapping[str, float], *, at: datetime, step: int) -> None:
        self.version(version)
        del numbers, at, step

    def attach(self, version: str, name: str, text: str) -> None:
        self.version(version)
        del name, text

    def version(self, version: str) -> ModelVersion:
        if version not in self._versions:
            raise NotFound(f"version {version} of {self._name} is not registered")
        return self._versions[version]

    def versions(self) -> tuple[ModelVersion, ...]:
        return tuple(self._versions.values())

    def remark(self, name: str) -> str | None:
        return self._remarks.get(name)

    def set_remark(self, name: str, text: str) -> None:
        if not self._versions:
            raise NotFound(f"model {self._name} is not registered")
        self._remarks[name] = text

    def fetch(self, version: str, to: Path) -> Path:
        wanted = self.version(version)
        if digest(self._files / version) != wanted.digest:
            raise Refused(f"files of version {version} of {self._name} have another digest than they were registered with")
        shutil.rmtree(to, ignore_errors=True)
        return Path(shutil.copytree(self._files / version, to))

    def _next(self) -> str:
        """A number that no version had, even when a version is gone."""
        self._count += 1
        return str(self._count)

    def _checked(self, found: ModelVersion, digest: str, key: str) -> ModelVersion:
        if found.digest != digest:
            raise Refused(f"version {found.version} of {self._name} was registered for {key} with another digest; a key names one model")
        return found
