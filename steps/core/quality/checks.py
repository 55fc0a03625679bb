"""Broken data: checks of every column, of the rows as a whole and of the relations between columns,
everywhere and in single segments. The diagnosis makes them before anything else.

Every check compares with the reference: a column that was half null stays unremarkable at half
null. And every finding is tried on the reference itself: a finding that one stretch of it shows
against the rest proves nothing about the current window.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from modelmedic.steps.contracts.detection import Problem, ProblemKind, Segment
from modelmedic.steps.core.quality.codes import code_problems
from modelmedic.steps.core.quality.relations import kept_relation, relation_problems
from modelmedic.steps.core.quality.repeats import window_problems
from modelmedic.steps.core.quality.values import number_problems
from modelmedic.steps.core.statistics.replay import stretches
from modelmedic.steps.core.statistics.shift import measure
from modelmedic.steps.core.tables.arrays import Floats, Integers
from modelmedic.steps.core.tables.pairing import Cells, Column, Pair

_LEAST_ROWS = 40  # of a segment, in both windows
_KEPT = 0.6  # slope of the later correlations over the earlier ones; a relation that keeps this much is lasting
_PILES = frozenset({ProblemKind.DEFAULT_VALUE, ProblemKind.CONSTANT, ProblemKind.CLIPPED})  # one fact at three strengths


def pair_problems(pair: Pair) -> tuple[Problem, ...]:
    """All problems, the one that touches most rows first; a problem of one segment names it."""
    found = list(_schema(pair))
    for column in pair.columns:
        found.extend(column_problems(pair, column))
    found.extend(window_problems(pair))
    found.extend(_unanswered_rows(pair))
    broken = frozenset(p.column for p in found if p.column)
    found.extend(p for p in relation_problems(pair, broken) if not _usual_relation(pair, p))
    return tuple(sorted(found, key=lambda p: (-p.share, p.column or "", p.kind)))


def _unanswered_rows(pair: Pair) -> Iterator[Problem]:
    """A null jump of the prediction: many more rows without an answer than the reference had."""
    if pair.prediction is None or min(pair.rows) < _LEAST_ROWS:
        return
    before, after = (float((~np.isfinite(p)).mean()) for p in pair.prediction)
    if after - before > max(0.03, 6 * np.sqrt(max(before * (1 - before), 1 / pair.rows[0]) * (1 / pair.rows[0] + 1 / pair.rows[1]))):
        sentence = f"column {pair.prediction_name} is {after:.0%} null, was {before:.0%}"
        yield Problem(ProblemKind.NULL_JUMP, pair.prediction_name, sentence, after - before)


def column_problems(pair: Pair, column: Column) -> list[Problem]:
    """The problems of one column, which need not be a feature; in a segment where that explains
    them.
    """
    everywhere = list(_column(column, column))
    found = _prefer_local(everywhere, list(_in_segments(pair, column)))
    usual = _usual_kinds(column) if found else frozenset()
    return [problem for problem in found if problem.kind not in usual]


def _usual_kinds(column: Column) -> frozenset[ProblemKind]:
    """The kinds of problems that some stretch of the reference shows against the rest of it."""
    kinds: set[ProblemKind] = set()
    for inside in stretches(len(column.reference)):
        stretch = replace(column, reference=column.reference[~inside], current=column.reference[inside])
        kinds |= {p.kind for p in _column(column, stretch)}
    return frozenset(kinds) | (_PILES if kinds & _PILES else frozenset())


def _usual_relation(pair: Pair, problem: Problem) -> bool:
    """True when the relations of this column come and go within the reference as well."""
    if problem.column is None or problem.kind is not ProblemKind.RELATION_BROKEN:
        return False
    for inside in stretches(pair.rows[0]):
        columns = tuple(replace(c, reference=c.reference[~inside], current=c.reference[inside]) for c in pair.columns)
        if kept_relation(columns, problem.column) < _KEPT:
            return True
    return False


def _schema(pair: Pair) -> Iterator[Problem]:
    for name in pair.missing:
        yield Problem(ProblemKind.MISSING_COLUMN, name, f"column {name} is missing from the current window", 1.0)
    for name in pair.retyped:
        yield Problem(ProblemKind.TYPE_CHANGED, name, f"column {name} changed its type between the windows", 1.0)


def _prefer_local(everywhere: list[Problem], local: list[Problem]) -> list[Problem]:
    """The problems, each replaced by a segment's where the segment holds (nearly) all of its
    rows.
    """
    kept = []
    for problem in everywhere:
        same = [p for p in local if _family(p) == _family(problem)]
        best = max(same, key=lambda p: p.share, default=None)
        kept.append(best if best is not None and best.share >= 0.8 * problem.share else problem)
    if not everywhere and local:
        kept.append(max(local, key=lambda p: p.share))
    return kept


def _family(problem: Problem) -> str:
    """The family of a problem: whatever is wrong with single values is one family, because in the
    whole window it may look otherwise than in its segment.
    """
    return problem.kind if problem.kind in (ProblemKind.NULL_JUMP, ProblemKind.INFINITE) else "values"


def _column(column: Column, part: Column) -> Iterator[Problem]:
    """The problems in some rows of one column, which `part` has; at most one of each kind."""
    n, m = len(part.reference), len(part.current)
    if min(n, m) < _LEAST_ROWS:
        return
    before, after = part.null_share(part.reference), part.null_share(part.current)
    noise = 6 * np.sqrt(max(before * (1 - before), 1 / n) * (1 / n + 1 / m))
    if after - before > max(0.03, noise):
        yield Problem(ProblemKind.NULL_JUMP, column.name, f"column {column.name} is {after:.0%} null, was {before:.0%}", after - before)
    if after > 0.98:
        return
    if not column.numeric:
        yield from code_problems(column, part)
        return
    yield from _infinite(column.name, part.reference, part.current)
    yield from number_problems(column.name, *part.ordered)


def _infinite(name: str, reference: npt.NDArray[np.generic], current: npt.NDArray[np.generic]) -> Iterator[Problem]:
    infinite = float(np.isinf(np.asarray(current, dtype=np.float64)).mean())
    if infinite > 0.001 and not np.isinf(np.asarray(reference, dtype=np.float64)).any():
        yield Problem(ProblemKind.INFINITE, name, f"column {name} is infinite in {infinite:.1%} of the rows", infinite)


def _in_segments(pair: Pair, column: Column) -> Iterator[Problem]:
    """The problems inside every segment whose rows outside show nothing of the kind."""
    for cells in (c.cells for c in pair.segmenting if c.name != column.name):
        for number in _worth_a_look(column, cells):
            inside = column.at(*(rows[number] for rows in cells.rows))
            found = [p for p in _column(column, inside) if p.share >= _least_share(p)]
            if not found:
                continue
            outside = column.at(cells.reference != number, cells.current != number)
            if _family(found[0]) == "values" and not _still_outside(inside, outside):
                continue
            elsewhere = {_family(p) for p in _column(column, outside)}
            segment = Segment(cells.column, cells.names[number])
            for problem in (p for p in found if _family(p) not in elsewhere):
                sentence = f"where {segment.column} is {segment.value}, {problem.detail}"
                yield Problem(problem.kind, problem.column, sentence, problem.share * (len(inside.current) / pair.rows[1]), segment)


def _least_share(problem: Problem) -> float:
    """The least share of a segment's rows: a unit that changed for a segment changed for (nearly)
    all of it.
    """
    return 0.8 if problem.kind is ProblemKind.UNIT_CHANGE else 0.2


def _still_outside(inside: Column, outside: Column) -> bool:
    """True unless the number moves outside of the segment as well: then the segment is not at
    fault.
    """
    if not inside.numeric:
        return True
    here, there = (measure(piece)[1] for piece in (inside, outside))
    return there < max(0.25 * here, 0.05)


def _worth_a_look(column: Column, cells: Cells) -> list[int]:
    """The cells with enough rows in which null share, centre or spread moved; others cannot show a
    problem.
    """
    enough = (cells.sizes[0] >= _LEAST_ROWS) & (cells.sizes[1] >= _LEAST_ROWS)
    enough[-1] = False  # nulls are no segment
    if not column.numeric:
        return [int(i) for i in np.flatnonzero(enough)]
    known_a, mean_a, std_a = _cell_summary(column.reference, cells.reference, cells.sizes[0])
    known_b, mean_b, std_b = _cell_summary(column.current, cells.current, cells.sizes[1])
    scale = np.maximum(std_a, 1e-12)
    moved = (np.abs(known_a - known_b) > 0.03) | (np.abs(mean_a - mean_b) > 0.25 * scale) | (np.abs(std_b / scale - 1) > 0.25)
    return [int(i) for i in np.flatnonzero(enough & moved)]


def _cell_summary(window: npt.NDArray[np.generic], which: Integers, sizes: Integers) -> tuple[Floats, Floats, Floats]:
    """Share of known values, their mean and standard deviation in every cell."""
    values = np.asarray(window, dtype=np.float64)
    known, held = np.isfinite(values), sizes
    if not known.all():
        which, values = which[known], values[known]
        held = np.bincount(which, minlength=len(sizes))
    held = np.maximum(held, 1)
    mean = np.bincount(which, values, minlength=len(sizes)) / held
    square = np.bincount(which, values**2, minlength=len(sizes)) / held
    return held / np.maximum(sizes, 1), mean, np.sqrt(np.maximum(square - mean**2, 0))
