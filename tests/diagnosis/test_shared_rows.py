"""Rows that both windows hold, because they overlap, are not delivered again."""

import numpy as np
import pyarrow as pa

from modelmedic.steps.contracts.detection import ProblemKind, Roles
from modelmedic.steps.core.quality.repeats import window_problems
from modelmedic.steps.core.tables.pairing import pair

ROLES = Roles(time="at")


def rows(first: int, count: int, seed: int = 0) -> pa.Table:
    values = np.random.default_rng(seed).normal(size=(2, 2000))[:, first : first + count]
    return pa.table({"at": pa.array((np.arange(first, first + count) * 3600 * 10**6), pa.timestamp("us")), "a": values[0], "b": values[1]})


def stale(reference: pa.Table, current: pa.Table) -> bool:
    return any(problem.kind is ProblemKind.STALE for problem in window_problems(pair(reference, current, ROLES)))


def test_windows_that_overlap_share_rows() -> None:
    assert not stale(rows(0, 600), rows(500, 300))


def test_rows_of_the_reference_at_a_later_time_are_stale() -> None:
    later = rows(0, 300).set_column(0, "at", rows(900, 300)["at"])
    assert stale(rows(0, 600), later)
