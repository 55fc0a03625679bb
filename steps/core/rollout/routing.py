"""Which request goes to the canary."""


def to_canary(number: int, percent: int) -> bool:
    """Whether the request with this number (0, 1, 2, …) is the canary's, so that of any 100 in a
    row exactly `percent` are.

    They are spread evenly: at 20 percent every fifth one. The counting is Bresenham's line.
    """
    return (number + 1) * percent // 100 > number * percent // 100
