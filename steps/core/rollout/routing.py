"""The choice of requests that a canary answers."""


def to_canary(number: int, percent: int) -> bool:
    """True for a request number (0, 1, 2, …) that the canary answers: of any 100 in a row exactly
    `percent`.

    They are spread evenly: at 20 percent every fifth one. The counting is Bresenham's line.
    """
    return (number + 1) * percent // 100 > number * percent // 100
