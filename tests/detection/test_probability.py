"""The tails agree with scipy's, which the verdict does without."""

import numpy as np
import pytest
from scipy import special

from modelmedic.steps.core.tables.probability import chi_square_tail, kolmogorov_tail, normal_tail


@pytest.mark.parametrize("freedom", [1, 2, 7, 50, 999])
def test_chi_square(freedom: int) -> None:
    for x in np.geomspace(0.01, 3000, 200):
        assert chi_square_tail(freedom, x) == pytest.approx(special.chdtrc(freedom, x), rel=1e-8, abs=1e-14)


def test_kolmogorov() -> None:
    for x in np.linspace(0.01, 6, 300):
        assert kolmogorov_tail(x) == pytest.approx(special.kolmogorov(x), rel=1e-7, abs=1e-14)


def test_normal() -> None:
    for z in np.linspace(-8, 20, 200):
        assert normal_tail(z) == pytest.approx(special.ndtr(-z), rel=1e-12)
