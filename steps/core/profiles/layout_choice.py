"""The choice of a layout from a sample of the reference; every window is then counted by it."""

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from modelmedic.steps.contracts.detection import Roles
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.profiles.layout import Layout, SegmentColumn, is_rich, number_axis
from modelmedic.steps.core.profiles.values import aligned_floats, numbers, texts
from modelmedic.steps.core.tables.arrays import Floats, is_index, plain, plain_type, quantiles
from modelmedic.steps.core.tables.classes import expect_two_classes, expect_two_words, told_task
from modelmedic.steps.core.tables.row_loss import row_loss

T = TypeVar("T")

_MOST_SAMPLED_CODES = 1000  # in the sample, when they are also half of its rows: an identifier
_WELL_KNOWN = {"version": ("model_version",), "id": ("request_id",)}
_RICH = 2  # columns whose values together tell rows apart
_LEAST_SEGMENT, _MOST_SEGMENTS = 0.02, 12  # share of the rows, and values of one column
_FEW_LEVELS = 40  # whole numbers with so few values may be codes
_PARTS = 4  # of another number's range


def check_roles(roles: Roles, reference: Iterable[str], current: Iterable[str]) -> None:
    """Raises BadInput when a named role is in neither window, or no feature is left to compare."""
    first, second = list(reference), set(current)
    for role in ("target", "prediction", "time", "version", "id"):
        name = getattr(roles, role)
        if name and name not in first and name not in second:
            raise BadInput(f"--{role} names {name!r}, which neither table has; the reference has {', '.join(first[:20])}")
    if not any(name not in roles.bookkeeping for name in (roles.features or [n for n in first if not is_index(n)])):
        raise BadInput("the two tables share no feature column; expected at least one that is in both")


def expect_task(sample: pa.Table, roles: Roles) -> None:
    """Raises BadInput when the task is said to be binary and the sample's labels are not two
    classes.
    """
    if roles.task is Task.BINARY and roles.target is not None and roles.target in sample.column_names:
        labels = _numbers(_flat(sample[roles.target]))
        if labels is not None:
            expect_two_classes(roles.target, labels)


def choose_layout(sample: pa.Table, roles: Roles, bounds: Mapping[str, tuple[float, float]] | None = None) -> Layout:
    """The layout for these roles. `bounds` are least and largest values that are known beside the
    sample.
    """
    held = set(sample.column_names)
    features = list(roles.features) or [name for name in sample.column_names if not is_index(name)]
    features = [name for name in features if name in held and name not in roles.bookkeeping]
    target, prediction = (name if name in sample.column_names else None for name in (roles.target, roles.prediction))
    known = {name: _flat(sample[name]) for name in (*features, target, prediction) if name}
    counted = {name: _numbers(known[name]) for name in features if name not in roles.categorical}
    axes = {name: number_axis(values, (bounds or {}).get(name)) for name, values in counted.items() if values is not None}
    codes = tuple(name for name in features if name not in axes and _is_code(known[name], name in roles.categorical))
    words = next((found for name in (target, prediction) if name and (found := _words(name, known[name]))), None)
    answers, truth = (aligned_floats(known[name], words) if name else None for name in (prediction, target))
    if prediction and answers is not None:
        axes[prediction] = number_axis(answers, (bounds or {}).get(prediction))
    task = roles.task or _task(target or "the target", truth, answers)
    return Layout(
        numbers=axes,
        codes=codes,
        prediction=prediction,
        target=target,
        time=roles.time,
        task=task,
        words=words,
        loss_unit=_loss_unit(task, truth, answers),
        rich=tuple(name for name, values in counted.items() if values is not None and is_rich(values))[:_RICH],
        cuts=tuple(cut for name in roles.segments if name in (*axes, *codes) and (cut := _cut(name, known[name], name in axes)).values),
    )


def _cut(name: str, array: pa.Array, numeric: bool) -> SegmentColumn:
    """The column's segments; none where one value fills it."""
    if not numeric:
        held = texts(plain(array) if not pa.types.is_dictionary(array.type) else array.cast(array.type.value_type))
        return SegmentColumn(name, tuple(sorted(_common(Counter(text for text in held if text is not None)))))
    values = aligned_floats(array)
    values = values[np.isfinite(values)]
    different = np.unique(values)
    if len(different) <= _FEW_LEVELS and (different == np.floor(different)).all():
        levels = sorted(_common(Counter(values.tolist())))
        return SegmentColumn(name, tuple(f"{level:.15g}" for level in levels), levels=tuple(levels))
    edges = np.unique([float(f"{edge:.4g}") for edge in quantiles(values, np.linspace(0, 1, _PARTS + 1)[1:-1])])
    bounds = ["-inf", *(f"{edge:.4g}" for edge in edges), "inf"]
    return SegmentColumn(name, tuple(f"[{low}, {high})" for low, high in itertools.pairwise(bounds)), edges=tuple(edges.tolist()))


def _common(counts: Counter[T]) -> list[T]:
    """The commonest values; none where there is only one."""
    least = _LEAST_SEGMENT * counts.total()
    return [value for value, count in counts.most_common(_MOST_SEGMENTS) if count >= least] if len(counts) > 1 else []


def _flat(column: pa.ChunkedArray) -> pa.Array:
    column = column.unify_dictionaries() if pa.types.is_dictionary(column.type) else column
    found = column.combine_chunks()
    return found if isinstance(found, pa.Array) else pa.concat_arrays(found.chunks)


def _numbers(array: pa.Array) -> Floats | None:
    return None if pa.types.is_boolean(array.type) or pa.types.is_dictionary(array.type) else numbers(array)


def _is_code(array: pa.Array, named: bool) -> bool:
    encoded = pa.types.is_dictionary(array.type)
    kind = plain_type(array.type)
    if pa.types.is_temporal(kind) or pa.types.is_nested(kind):
        return False  # no feature of a tabular model
    values = len(array.dictionary) if encoded else len(array.unique())
    return named or values <= min(_MOST_SAMPLED_CODES, max(20, len(array) // 2))


def _words(name: str, array: pa.Array) -> tuple[str, str] | None:
    kind = plain_type(array.type)
    if numbers(array[:0]) is not None:
        return None
    if pa.types.is_nested(kind):
        raise BadInput(f"column {name!r} holds values of type {kind}; expected numbers or exactly two words")
    found = sorted({word for word in texts(plain(array).unique()) if word is not None})
    expect_two_words(name, found)
    return found[0], found[1]


def _task(target: str, truth: Floats | None, answers: Floats | None) -> Task | None:
    for values in (truth, answers):
        known = values[np.isfinite(values)] if values is not None else np.empty(0)
        if len(known) and values is truth:
            return told_task(target, known)
        if len(known):
            return Task.BINARY if known.min() >= 0 and known.max() <= 1 else Task.REGRESSION
    return None


def _loss_unit(task: Task | None, truth: Floats | None, answers: Floats | None) -> float:
    """The mean loss of the sample."""
    if task is None or truth is None or answers is None:
        return 1.0
    losses = row_loss(task, truth, answers)
    losses = losses[np.isfinite(losses)]
    return float(losses.mean()) or 1.0 if len(losses) else 1.0


def recognise_roles(roles: Roles, names: Sequence[str]) -> Roles:
    """The roles with well-known column names filled in where no name was given."""
    found: dict[str, Any] = {
        role: next((name for name in known if name in names), None) for role, known in _WELL_KNOWN.items() if getattr(roles, role) is None
    }
    return dataclasses.replace(roles, **found)
