"""Dense numbering by create-if-absent: number n + 1 is only ever created once n is there."""

from collections.abc import Callable


def last(exists: Callable[[int], bool], start: int = 0) -> int:
    """The highest number that exists, at least `start` (0: none), in a logarithmic number of questions."""
    step, low = 1, start
    while exists(low + step):
        low, step = low + step, step * 2
    high = low + step  # does not exist
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if exists(middle) else (low, middle)
    return low
