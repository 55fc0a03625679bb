"""Strict schemas of Kubernetes' own kinds, as the package `kubernetes-validate` ships them."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from modelmedic.workflows.lint.schemas.schema import Schema, compiled, package_folder

RELEASE: Final = "1.34"
DEFINITIONS: Final = "/api/_definitions.json"  # the address by which a schema refers to the types that kinds share


@cache
def kubernetes_schema(api_version: str, kind: str) -> Schema | None:
    """None for a kind that this release of Kubernetes does not have."""
    folder = _folder()
    group, _, version = api_version.rpartition("/")
    file = folder / f"{kind.lower()}-{group.split('.')[0] + '-' if group else ''}{version}.json" if folder else None
    if file is None or group not in groups() or not file.is_file():
        return None
    return compiled(f"Kubernetes {RELEASE}", json.loads(file.read_text(encoding="utf-8")), shared_types())


@cache
def definitions() -> Mapping[str, Any]:
    """The shared types, in `$defs` by names such as `io.k8s.api.core.v1.Container`; empty without
    the package.
    """
    folder = _folder()
    file = folder / DEFINITIONS.rpartition("/")[2] if folder else None
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file else {"$defs": {}}
    return found


def shared_types() -> Mapping[str, Any]:
    """The definitions by each address under which a reference looks for them: a lookup under any
    other one would search all of them.
    """
    return {DEFINITIONS: definitions(), str(definitions().get("$id", DEFINITIONS)): definitions()}


@cache
def groups() -> frozenset[str]:
    """The API groups of Kubernetes itself, "" among them; other projects have groups below
    `k8s.io` as well.
    """
    kinds = (kind for each in definitions()["$defs"].values() for kind in each.get("x-kubernetes-group-version-kind", ()))
    return frozenset(kind["group"] for kind in kinds)


@cache
def _folder() -> Path | None:
    package = package_folder("kubernetes_validate")
    found = sorted((package / "kubernetes-json-schema").glob(f"v{RELEASE}.*-local-strict")) if package else []
    return found[-1] if found else None
