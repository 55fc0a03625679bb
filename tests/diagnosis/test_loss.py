"""The loss without labels stays within its interval while the law holds; with labels, each cause
gets the share that it carries.
"""

from collections.abc import Callable

import numpy as np
import pytest

from modelmedic.steps.contracts.diagnosis import Context
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.core.diagnosis.diagnosis import find_cause
from modelmedic.steps.core.diagnosis.estimate import estimate
from modelmedic.steps.core.tables.pairing import pair
from tests.worlds import planted
from tests.worlds.planted import ROLES, PlantedWorld, windows


def _harder(w: PlantedWorld) -> None:
    """More rows near the middle of the model's answers: every answer is less sure."""
    w.x["x3"] = w.x["x3"] * 0.2
    w.x["x1"] = w.x["x1"] * 0.5
    w.p = w.q = w.chance()


def test_the_estimate_holds_the_realised_loss_in_its_interval() -> None:
    inside = 0
    for seed in range(40, 60):
        both = pair(*windows(_harder, n=3000, seed=seed), ROLES)
        found = estimate(both)
        assert found is not None
        assert both.target is not None
        assert both.prediction is not None
        y, p = both.target[1], np.clip(both.prediction[1], 1e-4, 1 - 1e-4)
        inside += bool(found.low <= float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()) <= found.high)
        assert found.low > found.reference
    assert inside >= 17


def test_without_labels_harm_is_estimated_and_the_diagnosis_carries_the_number() -> None:
    reference, current = windows(_harder)
    found = find_cause(reference, current.drop_columns(["y"]), ROLES, Context())
    assert (found.cause, found.harm) == (Cause.COVARIATE_SHIFT, "estimated")
    assert found.estimate is not None
    assert found.estimate.low > found.estimate.reference


def test_the_estimate_is_blind_to_a_changed_law() -> None:
    reference, current = windows(planted.concept)
    found = estimate(pair(reference, current.drop_columns(["y"]), ROLES))
    assert found is not None
    assert found.low < found.reference < found.high


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (planted.concept, "concept_drift"),
        (planted.released, "bad_release"),
        (_harder, "covariate_shift"),
        (planted.flipped, "label_quality"),
    ],
)
def test_the_cause_carries_the_loss(fault: Callable[[PlantedWorld], None], cause: str) -> None:
    shares = find_cause(*windows(fault), ROLES, Context()).loss_shares
    assert shares is not None
    assert sum(shares.values()) == pytest.approx(1)
    assert shares[cause] > 0.8


def test_two_causes_share_the_loss() -> None:
    def both(w: PlantedWorld) -> None:
        w.x["x3"] = w.x["x3"] * 0.2
        w.x["x1"] = w.x["x1"] * 0.5
        w.p, w.q = w.chance(), w.chance(offset=0.8)

    shares = find_cause(*windows(both), ROLES, Context()).loss_shares
    assert shares is not None
    assert shares["covariate_shift"] > 0.2
    assert shares["label_shift"] > 0.2


def test_loss_that_did_not_rise_has_no_shares() -> None:
    assert find_cause(*windows(planted.quiet), ROLES, Context()).loss_shares is None
