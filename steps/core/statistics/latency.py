"""The 95th percentile of measured times."""

from collections.abc import Iterable


def p95(times: Iterable[float]) -> float | None:
    """The time below which 95 % of the others lie, in their unit; the greatest of fewer than 21.
    None when there are no times.
    """
    ordered = sorted(times)
    return ordered[min(int(0.95 * len(ordered)), len(ordered) - 1)] if ordered else None
