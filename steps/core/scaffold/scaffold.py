"""A first policy's columns and sizes, guessed from a table; each guess with its reason, so that a
person can check it. Called by init.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.policy import LOGGED, Rollout
from modelmedic.steps.contracts.policy_types import COLUMN
from modelmedic.steps.contracts.window import format_duration
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.scaffold.calendar import Calendar, calendar
from modelmedic.steps.core.scaffold.columns import Facts, facts, giveaway_strength, is_code, unfit_reason
from modelmedic.steps.core.scaffold.rate import RowRate, rate_of
from modelmedic.steps.core.scaffold.sizes import FEWEST, Sizes, sizes
from modelmedic.steps.core.tables.arrays import Floats, plain
from modelmedic.steps.core.tables.classes import expect_two_classes, expect_two_words, told_task
from modelmedic.steps.core.tables.moments import MOMENT, moments

_TARGET_NAMES = (  # the earlier decides
    re.compile(r"^(target|label|y)$", re.I),
    re.compile(r"^(outcome|response|class|truth|ground_truth|actual)$", re.I),
    re.compile(r"^(target|label)_|_(target|label)$", re.I),
    re.compile(r"^(is|has|was)_?(fraud|churn|default|delay|late|cancel|click|convert|bought|return)", re.I),
    re.compile(r"^(fraud|churn(ed)?|default(ed)?|delayed|late|cancell?ed|clicked|converted|survived|returned|spam)$", re.I),
)
_TIME_NAME = re.compile(r"time|date|(^|_)(ts|at|when)$", re.I)
_JUDGED_ROWS = 500  # the default of detect.minRows
_MOST_SEGMENT_VALUES = 20
_MOST_SEGMENTS = 5


@dataclass(frozen=True, slots=True)
class Scaffold:
    """Column names by their role; `notes` are sentences about the guesses, `left_out` the other
    columns with the reason.
    """

    task: Task
    target: str
    time: str
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    segments: tuple[str, ...]
    sizes: Sizes
    rate: RowRate
    calendar: Calendar
    left_out: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def scaffold(
    table: pa.Table, *, target: str | None = None, time: str | None = None, task: Task | None = None, rows: int | None = None
) -> Scaffold:
    """Guess the policy of a table, which is an even sample of `rows` where that is given. Raises
    BadInput with one sentence when target, time or features cannot be told.
    """
    if not table.num_rows:
        raise BadInput(f"the table has no rows below its columns ({', '.join(table.column_names[:30])}); expected labelled rows with times")
    columns = {name: facts(table, name) for name in table.column_names}
    answer = _target(columns, target)
    task, labels, said = _task(columns[answer], table[answer], task)
    moment = _time(columns, time)
    rate = rate_of(table[moment], rows)
    sized = sizes(rate, round(rate.weight * np.isfinite(labels).sum()))
    features, left_out = _features(table, columns, (answer, moment), labels, task)
    if not features:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out)
        raise BadInput(f"no column is left to learn from ({reasons or 'there is no other'}); expected at least one feature")
    codes = tuple(column.name for column in features if is_code(column))
    clock = calendar(table, features, moment)
    notes = (
        f"target {answer}" + ("" if target else " (from its name)") + f": {said}",
        f"time {moment}" + ("" if time else f" ({'the only' if _only_time(columns) else 'the likeliest'} column of times)"),
        *_said(sized, rate, table[moment], rows or table.num_rows),
        *([f"{clock.sentence}; they count as broken only where they contradict the clock"] if clock.sentence else []),
    )
    return Scaffold(
        task=task,
        target=answer,
        time=moment,
        numeric=tuple(column.name for column in features if not is_code(column)),
        categorical=codes,
        segments=_segments(table, [columns[name] for name in codes]),
        sizes=sized,
        rate=rate,
        calendar=clock,
        left_out=tuple(left_out),
        notes=notes,
    )


def _target(columns: dict[str, Facts], named: str | None) -> str:
    for pattern in _TARGET_NAMES if named is None else ():
        found = [name for name, column in columns.items() if pattern.search(name) and column.kind in ("number", "code")]
        if len(found) == 1:
            return _nameable(found[0], "target")
        if found:
            raise BadInput(f"{' and '.join(found)} could each be the target; name it with --target")
    if named is None:
        raise BadInput(f"which column is the target cannot be told from {', '.join(columns)}; name it with --target")
    return _nameable(named, "target")


def _task(column: Facts, values: pa.ChunkedArray, named: Task | None) -> tuple[Task, Floats, str]:
    """The task, the labels as numbers (NaN: not known), and the reason."""
    if column.kind == "number":
        return _numeric_task(column, np.asarray(pc.cast(plain(values), pa.float64(), safe=False).to_numpy(), dtype=np.float64), named)
    if column.kind != "code":
        raise BadInput(
            f"target {column.name} holds neither numbers nor words; expected two words or 0 and 1 (binary), or numbers (regression)"
        )
    texts = pc.cast(plain(values), pa.string())
    words = sorted(word for word in pc.unique(texts).to_pylist() if word is not None)
    expect_two_words(f"target {column.name}", words)
    if named is Task.REGRESSION:
        raise BadInput(f"--task is regression and target {column.name} holds words, {words[0]} and {words[1]}; expected numbers")
    numbers = np.array([np.nan if word is None else float(word == words[1]) for word in texts.to_pylist()])
    return Task.BINARY, numbers, f"binary, {words[1]} counts as 1 and {words[0]} as 0: write them so, because labels are read as numbers"


def _numeric_task(column: Facts, numbers: Floats, named: Task | None) -> tuple[Task, Floats, str]:
    target = f"target {column.name}"
    if column.values < 2:
        raise BadInput(f"{target} has {column.values} different values; expected at least two")
    if named is Task.BINARY:
        expect_two_classes(target, numbers)
    task = named or told_task(target, numbers)
    return task, numbers, "binary, it is 0 or 1" if task is Task.BINARY else f"regression, it has {column.values} different numbers"


def _time(columns: dict[str, Facts], named: str | None) -> str:
    times = [column for column in columns.values() if column.kind == "time" and column.values > 1]
    if named is not None:
        if columns[named].kind != "time":
            raise BadInput(f"column {named} holds no times that can be read; expected such as 2026-01-31T18:00:00Z")
        return _nameable(named, "time")
    if not times:
        raise BadInput("no column holds times; expected one such as 2026-01-31T18:00:00Z, with time or date in its name or named by --time")
    return _nameable(min(times, key=lambda column: (not _TIME_NAME.search(column.name), column.nulls, -column.values)).name, "time")


def _only_time(columns: dict[str, Facts]) -> bool:
    return sum(column.kind == "time" for column in columns.values()) == 1


def _features(
    table: pa.Table, columns: dict[str, Facts], taken: tuple[str, ...], labels: Floats, task: Task
) -> tuple[list[Facts], list[tuple[str, str]]]:
    features, left_out = [], []
    for name, column in columns.items():
        if name in taken:
            continue
        reason = _unfit(name) or unfit_reason(column)
        if reason is None and (strength := giveaway_strength(column, table[name], labels, task is Task.BINARY)) is not None:
            measure = "AUC" if task is Task.BINARY else "correlation"
            reason = f"gives the target away by itself ({measure} {strength:.3f})"
        if reason is None:
            features.append(column)
        else:
            left_out.append((name, reason))
    return features, left_out


def _unfit(name: str) -> str | None:
    if name in LOGGED.values():
        return "the inference log adds it"
    return None if re.fullmatch(COLUMN, name) else "its name holds characters that a policy does not take"


def _nameable(name: str, part: str) -> str:
    reason = _unfit(name)
    if reason is not None:
        raise BadInput(f"column {name!r} cannot be the {part}: {reason}; rename it in the data")
    return name


def _segments(table: pa.Table, codes: list[Facts]) -> tuple[str, ...]:
    """Codes of a few values, at least two of which have a hundredth of the rows each."""
    few = (column for column in codes if 2 <= column.values <= _MOST_SEGMENT_VALUES)
    return tuple(column.name for column in few if _spread(table[column.name]))[:_MOST_SEGMENTS]


def _spread(column: pa.ChunkedArray) -> bool:
    counts = sorted((entry["counts"].as_py() for entry in _counts(column)), reverse=True)
    return len(counts) > 1 and counts[1] >= max(len(column) / 100, 1)


def _counts(column: pa.ChunkedArray) -> Iterator[pa.StructScalar]:
    yield from pc.value_counts(plain(column))


def _said(sized: Sizes, rate: RowRate, times: pa.ChunkedArray, rows: int) -> Iterator[str]:
    """Sentences about the span of the data, its rate, and what follows from it."""
    bounds = pc.min_max(pa.chunked_array([moments(chunk) for chunk in times.chunks], MOMENT)).as_py()
    span = bounds["max"] - bounds["min"] if bounds["min"] is not None else timedelta(0)
    said = f"{rows} rows over {format_duration(timedelta(days=span.days)) if span.days else 'less than a day'}"
    few = f"; windows of fewer than {sized.min_rows} are not judged" if sized.min_rows < _JUDGED_ROWS else ""
    yield f"{said}: a window of {format_duration(sized.window)} has about {sized.window_rows} rows{few}"
    made = sized.rollout
    if made is None:
        yield f"{rate.words} are too few for a canary: rollout asks for {FEWEST.minRequests} requests and will mostly take challengers back"
    elif made.minRequests != Rollout().minRequests or made.deadline != Rollout().deadline:
        share = f"{made.steps[0]} % of the traffic within {format_duration(made.deadline)}"
        yield f"{rate.words}: a canary answers {made.minRequests} of them with {share} even in a slow time"
