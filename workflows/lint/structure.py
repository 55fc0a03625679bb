"""Every field of every object is known, and survives: a misspelt or dropped one is found although
nobody else would say a word.

Argo's kinds are read with Hera's models and written again, and both have to be equal; Argo Events'
kinds are walked along Hera's models (whose types for a few scalars are wrong, so that only the
names are believed); Kubernetes' own kinds are held against its strict schemas; for the rest a table
of fields is enough.
"""

import types
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Final, Union, get_args, get_origin

from modelmedic.workflows.lint.findings import Result, result
from modelmedic.workflows.lint.objects import Objects, Thing

KUBERNETES: Final = "1.34"
_ARGO: Final = ("Workflow", "WorkflowTemplate", "CronWorkflow")
_EVENTS: Final = ("Sensor", "EventSource")
_EMPTY: Final[tuple[object, ...]] = (None, [], {})
_EMBEDDED: Final = "webhookContext"  # a Go struct whose fields stand beside it in YAML; Hera nests them
_WHOLE: Final = "resource"  # what a trigger would create; it is judged as an object of its own


def structure(objects: Objects) -> Result:
    findings = list(objects.unreadable)
    for thing in objects.all:
        findings += (thing.finding(sentence) for sentence in _faults(thing))
    return result("structure", objects.all, findings)


def _faults(thing: Thing) -> Iterator[str]:
    if thing.kind in _ARGO:
        yield from _argo(thing)
    elif thing.kind in _EVENTS:
        yield from _unknown(_events()[thing.kind], {key: thing.document[key] for key in ("metadata", "spec") if key in thing.document}, "")
        yield from _beyond(thing.document, {"apiVersion", "kind", "metadata", "spec"})
    elif thing.kind in _tables():
        yield from _by_table(_tables()[thing.kind], thing.document, "")
    else:
        yield from _kubernetes(thing)


def _argo(thing: Thing) -> Iterator[str]:
    from hera.workflows import models
    from pydantic import ValidationError

    try:
        read = getattr(models, thing.kind).model_validate(dict(thing.document))
    except ValidationError as error:
        for fault in error.errors()[:5]:
            yield f"{'.'.join(map(str, fault['loc']))} is refused: {fault['msg']}"
        return
    yield from differences(thing.document, read.model_dump(by_alias=True, exclude_none=True), "")


def differences(before: Any, after: Any, path: str) -> Iterator[str]:
    """Where the second is not the first."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key, value in before.items():
            if key in after:
                yield from differences(value, after[key], f"{path}.{key}")
            elif value is not None:
                yield f"{path.lstrip('.') or 'the object'} has the field {key}, which Argo does not know"
        for key in after.keys() - before.keys():
            yield f"{path.lstrip('.')} gets a {key} that nobody wrote"
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, f"{path}[{number}]")
    elif before != after:
        yield f"{path.lstrip('.')} is {before!r} and is read as {after!r}"


@cache
def _events() -> Mapping[str, Any]:
    from hera.events import models

    return {"Sensor": models.Sensor, "EventSource": models.EventSource}


def _unknown(model: Any, value: Any, path: str) -> Iterator[str]:
    """Keys that the pydantic model has no field for."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _unknown(model, item, f"{path}[{number}]")
    elif isinstance(value, Mapping):
        fields = _fields(model)
        for key, item in value.items() if set(fields) != {"root"} else ():
            if key == _WHOLE:
                continue
            if key not in fields:
                yield f"{path.lstrip('.') or 'the object'} has the field {key}, which Argo Events does not know"
                continue
            inner, is_map = _inner(fields[key])
            if inner is None:
                continue
            for name, one in item.items() if is_map and isinstance(item, Mapping) else [("", item)]:
                yield from _unknown(inner, one, f"{path}.{key}" + (f".{name}" if name else ""))


def _fields(model: Any) -> dict[str, Any]:
    fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    embedded, _ = _inner(fields.get(_EMBEDDED))
    return {**fields, **(_fields(embedded) if embedded else {})}


def _inner(annotation: Any) -> tuple[Any, bool]:
    """The model inside an annotation, and whether it is the value of a mapping."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _inner(get_args(annotation)[0])
    if origin in (Union, types.UnionType, list):
        found = [_inner(part) for part in get_args(annotation)]
        return next((each for each in found if each[0] is not None), (None, False))
    if origin is dict:
        return _inner(get_args(annotation)[1])[0], True
    return (annotation, False) if hasattr(annotation, "model_fields") else (None, False)


def _kubernetes(thing: Thing) -> Iterator[str]:
    validator = _validator(thing.kind, str(thing.document.get("apiVersion", "")))
    if validator is None:
        yield f"has the kind {thing.kind} of {thing.document.get('apiVersion')}, which no schema here knows"
        return
    for error in list(validator.iter_errors(thing.document))[:5]:
        yield f"{'.'.join(map(str, error.absolute_path)) or 'the object'}: {error.message[:200]}"


@cache
def _validator(kind: str, api_version: str) -> Any:
    """Kubernetes' strict schema of a kind, or None."""
    import jsonschema
    from kubernetes_validate import utils
    from referencing import Registry, Resource

    group, _, version = api_version.rpartition("/")
    stem = f"{kind.lower()}-{group.split('.')[0] + '-' if group else ''}{version}"
    folder = f"kubernetes-json-schema/v{_release()}-local-strict"
    try:
        schema = utils.schema_contents(f"{folder}/{stem}.json", KUBERNETES)
    except FileNotFoundError:
        return None
    registry: Any = Resource.from_contents(_definitions(folder)) @ Registry()
    return jsonschema.validators.Draft202012Validator(schema, registry=registry)


@cache
def _release() -> str:
    from kubernetes_validate import utils

    return str(next(version for version in utils.all_versions() if version.startswith(KUBERNETES)))


@cache
def _definitions(folder: str) -> Any:
    from kubernetes_validate import utils

    return utils.schema_contents(f"{folder}/_definitions.json", KUBERNETES)


def _beyond(document: Mapping[str, Any], known: set[str]) -> Iterator[str]:
    for key in sorted(document.keys() - known):
        yield f"has the field {key}; expected {', '.join(sorted(known))}"


@cache
def _tables() -> Mapping[str, Any]:
    from modelmedic.workflows.lint.fields import FIELDS

    return FIELDS


def _by_table(table: Any, value: Any, path: str) -> Iterator[str]:
    """`table`: a mapping of known fields, a list for a list of such, or None for anything at all."""
    if table is None or value in _EMPTY:
        return
    if isinstance(table, list):
        if not isinstance(value, list):
            yield f"{path.lstrip('.')} is {type(value).__name__}; expected a list"
            return
        for number, item in enumerate(value):
            yield from _by_table(table[0], item, f"{path}[{number}]")
    elif isinstance(table, type):
        if not isinstance(value, table) or (table is int and isinstance(value, bool)):
            yield f"{path.lstrip('.')} is {value!r}; expected {table.__name__}"
    elif not isinstance(value, Mapping):
        yield f"{path.lstrip('.')} is {type(value).__name__}; expected a mapping"
    else:
        for key, item in value.items():
            if key in table:
                yield from _by_table(table[key], item, f"{path}.{key}")
            else:
                yield f"{path.lstrip('.') or 'the object'} has the field {key}; expected one of {', '.join(sorted(table))}"
