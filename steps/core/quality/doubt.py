"""Rows in doubt: those that a model had better not be taught or judged on. Called by the retrain
stage.

Doubt is cheap and an accusation is dear: leaving rows out costs a few rows, so nobody is told. The
newest rows are looked at window by window, each beside the rows before it that are in no doubt.
What stays doubtful for longer than a few windows is how the stream is now: learning is not stopped
for ever.
"""

from collections.abc import Collection

import numpy as np
import pyarrow as pa

from modelmedic.steps.contracts.detection import Problem, ProblemKind, Roles
from modelmedic.steps.core.quality.claims import Claim, Court, bad_rows, claims
from modelmedic.steps.core.quality.label_claims import label_claim, label_readings
from modelmedic.steps.core.quality.past import past_of
from modelmedic.steps.core.tables.arrays import Floats, Mask
from modelmedic.steps.core.tables.pairing import Pair, pair
from modelmedic.steps.core.tables.thinning import evenly

_DOUBT = 2.0  # powers of ten beyond the price of the looks; an accusation takes about twice as much
_MOST_WINDOWS = 8  # looked at, the newest
_PATIENCE = 3  # windows in doubt, after which the next are taken as they are
_PAST_ROWS = 20_000
_LEAST_ROWS = 100
_NEARLY_ALL, _MANY = 0.9, 0.3  # shares of the rows: months that the reference lacks were 0.66 (bikes), snow 0.15 (seoul)


def rows_in_doubt(rows: pa.Table, roles: Roles, times: Floats, length: float, trusted: Collection[str] = ()) -> Mask:
    """A mask over the rows; `times` are their times in seconds, ascending, `length` is that of a
    window, in seconds. Rows older than the newest eight windows are in no doubt: they are the
    past. Nor are `trusted` columns; with one of them nothing is said of the labels, whose hold on
    the inputs it has changed.
    """
    doubtful = np.zeros(rows.num_rows, dtype=bool)
    if not rows.num_rows or length <= 0:
        return doubtful
    end, waiting = float(times[-1]) + 1.0, 0
    for number in range(_MOST_WINDOWS, 0, -1):
        first, last = np.searchsorted(times, [end - number * length, end - (number - 1) * length])
        if last - first < _LEAST_ROWS or first < 4 * _LEAST_ROWS:
            continue
        kept = np.flatnonzero(~doubtful[:first])
        past = rows.take(pa.array(kept[evenly(len(kept), _PAST_ROWS)]))
        found = _look(past, rows.slice(int(first), int(last - first)), roles, trusted)
        waiting = waiting + 1 if found.any() else 0
        if waiting <= _PATIENCE:
            doubtful[first:last] = found
    return doubtful


def broken_beside(both: Pair, trusted: Collection[str] = ()) -> Problem | None:
    """What is surely broken in the current rows of a pair, all of them taken as one window; None
    where nothing is but `trusted` columns, or where the reference is too short to say.

    These may be the rows of years beside a reference of some weeks, so that a column may well reach
    further, in other months, than the reference shows: only what touches (nearly) all rows counts,
    or nulls in a good part of them.
    """
    if min(both.rows) < _LEAST_ROWS:
        return None
    with np.errstate(all="ignore"):
        past = past_of(both)
        found = claims(Court(both, past)) if past is not None else []
        return next((c.problem for c in found if c.sure and _throughout(c.problem) and c.problem.column not in trusted), None)


def _throughout(problem: Problem) -> bool:
    return problem.share >= (_MANY if problem.kind is ProblemKind.NULL_JUMP else _NEARLY_ALL)


def _look(past: pa.Table, window: pa.Table, roles: Roles, trusted: Collection[str]) -> Mask:
    """The rows of one window that are in doubt."""
    with np.errstate(all="ignore"):
        both = pair(past, window, roles)
        lore = past_of(both)
        if lore is None:
            return np.zeros(window.num_rows, dtype=bool)
        court = Court(both, lore)
        labels = label_claim(label_readings(court)) if not trusted else None
        if labels is not None and (labels.sure or labels.bits >= _DOUBT):
            return np.ones(window.num_rows, dtype=bool)
        doubtful = np.zeros(window.num_rows, dtype=bool)
        for claim in claims(court):
            if (claim.sure or claim.bits >= _DOUBT) and claim.problem.column not in trusted:
                doubtful |= _touched(court, claim, window.num_rows)
        return doubtful


def _touched(court: Court, claim: Claim, rows: int) -> Mask:
    """The rows that a claim is about; all of them where it is about none in particular."""
    column = court.column(claim.problem.column) if claim.problem.column else None
    found = bad_rows(court, column) if column is not None else None
    return found if found is not None else np.ones(rows, dtype=bool)
