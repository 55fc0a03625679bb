"""Upper tails of three distributions and p-values over many columns, without scipy, whose import
costs more than a small verdict.
"""

import math

import numpy as np
import numpy.typing as npt

_TINY = 1e-300


def normal_tail(z: float) -> float:
    """P(Z > z) of a standard normal."""
    return 0.5 * math.erfc(z / math.sqrt(2))


def kolmogorov_tail(x: float) -> float:
    """P(K > x) of Kolmogorov's distribution (Feller 1948): the alternating series, its theta
    transform where x is small.
    """
    if x <= 0:
        return 1.0
    if x < 0.8:
        head = sum(math.exp(-((2 * k - 1) ** 2) * math.pi**2 / (8 * x * x)) for k in range(1, 5))
        return 1.0 - math.sqrt(2 * math.pi) / x * head
    return min(1.0, 2 * sum((-1.0 if k % 2 == 0 else 1.0) * math.exp(-2 * (k * x) ** 2) for k in range(1, 7)))


def chi_square_tail(freedom: float, x: float) -> float:
    """P(X > x) of a chi-square: the incomplete gamma function (Abramowitz and Stegun 6.5.29 and
    6.5.31, Lentz's method).
    """
    if x <= 0 or freedom <= 0:
        return 1.0
    a, half = freedom / 2, x / 2
    scale = math.exp(a * math.log(half) - half - math.lgamma(a))
    return max(0.0, 1.0 - scale * _series(a, half)) if half < a + 1 else min(1.0, scale * _fraction(a, half))


def _series(a: float, x: float) -> float:
    term = total = 1 / a
    n = a
    while abs(term) > abs(total) * 1e-15:
        n += 1
        term *= x / n
        total += term
    return total


def _fraction(a: float, x: float) -> float:
    b = x + 1 - a
    c = 1 / _TINY
    d = h = 1 / b
    for i in range(1, 10_000):
        step = -i * (i - a)
        b += 2
        d = 1 / _nonzero(step * d + b)
        c = _nonzero(b + step / c)
        h *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return h


def _nonzero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def benjamini_hochberg(p_values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Adjusted p-values in the given order (Benjamini and Hochberg 1995)."""
    count = len(p_values)
    order = np.argsort(p_values)
    ranked = p_values[order] * count / np.arange(1, count + 1)
    adjusted = np.empty(count)
    adjusted[order] = np.minimum(np.minimum.accumulate(ranked[::-1])[::-1], 1.0)
    return adjusted
