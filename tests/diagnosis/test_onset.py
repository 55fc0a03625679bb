"""The onset of a concept drift: the moment where the window shows one, else no later than its first
row.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from modelmedic.steps.contracts.diagnosis import Context
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.core.diagnosis.diagnosis import find_cause
from tests.worlds.planted import ROLES, START, PlantedWorld, windows

FIRST = datetime.fromtimestamp(START + 1_000_000, UTC)
LENGTH = timedelta(minutes=6000)


def turned(share: float) -> Callable[[PlantedWorld], None]:
    """The effect of x3 turns round after this share of the window."""

    def fault(w: PlantedWorld) -> None:
        w.q = np.where(np.arange(len(w.p)) >= share * len(w.p), w.chance(x3=-1.0), w.p)

    return fault


@pytest.mark.parametrize("seed", [7, 8, 9])
@pytest.mark.parametrize("share", [0.3, 0.6])
def test_a_change_inside_the_window_is_dated(share: float, seed: int) -> None:
    found = find_cause(*windows(turned(share), seed=seed), ROLES, Context())
    assert found.cause is Cause.CONCEPT_DRIFT
    assert found.onset is not None
    assert abs(found.onset - (FIRST + share * LENGTH)) < 0.1 * LENGTH


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_a_change_before_the_window_is_dated_at_its_first_row(seed: int) -> None:
    found = find_cause(*windows(turned(0.0), seed=seed), ROLES, Context())
    assert found.onset is not None
    assert found.onset - FIRST < 0.05 * LENGTH
