"""One planted fault, one cause, the column and the segment to blame, and the right remedy or
none.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from modelmedic.steps.contracts.detection import Segment
from modelmedic.steps.contracts.diagnosis import Context
from modelmedic.steps.contracts.words import Cause, Remedy
from modelmedic.steps.core.decision.rules import decide
from modelmedic.steps.core.diagnosis.diagnosis import find_cause
from tests.worlds import planted
from tests.worlds.planted import ROLES, PlantedWorld, windows

CASES = [
    (planted.quiet, Cause.NONE, None, None, Remedy.NONE),
    (planted.shifted, Cause.COVARIATE_SHIFT, "x4", None, Remedy.NONE),
    (planted.shifted_in_b, Cause.COVARIATE_SHIFT, "x6", Segment("c", "B"), Remedy.NONE),
    (planted.concept, Cause.CONCEPT_DRIFT, "x3", None, Remedy.RETRAIN),
    (planted.concept_in_c, Cause.CONCEPT_DRIFT, "x3", Segment("c", "C"), Remedy.RETRAIN),
    (planted.diluted, Cause.CONCEPT_DRIFT, "x3", Segment("c", "D"), Remedy.RETRAIN),
    (planted.prior, Cause.LABEL_SHIFT, None, None, Remedy.RECALIBRATE),
    (planted.flipped, Cause.LABEL_QUALITY, "target", None, Remedy.QUARANTINE),
    (planted.flipped_in_b, Cause.LABEL_QUALITY, "target", Segment("c", "B"), Remedy.QUARANTINE),
    (planted.released, Cause.BAD_RELEASE, None, None, Remedy.ROLLBACK),
    (planted.inches, Cause.DATA_QUALITY, "x2", None, Remedy.QUARANTINE),
    (planted.inches_in_c, Cause.DATA_QUALITY, "x2", Segment("c", "C"), Remedy.QUARANTINE),
    (planted.half_null, Cause.DATA_QUALITY, "x6", None, Remedy.QUARANTINE),
    (planted.null_in_d, Cause.DATA_QUALITY, "x6", Segment("c", "D"), Remedy.QUARANTINE),
    (planted.stuck, Cause.DATA_QUALITY, "x5", None, Remedy.QUARANTINE),
    (planted.renamed, Cause.DATA_QUALITY, "c", None, Remedy.QUARANTINE),
]


@pytest.mark.parametrize(("fault", "cause", "column", "segment", "remedy"), CASES, ids=[case[0].__name__ for case in CASES])
def test_a_planted_fault_is_named_with_column_segment_and_remedy(
    fault: Callable[[PlantedWorld], None], cause: Cause, column: str | None, segment: Segment | None, remedy: Remedy
) -> None:
    found = find_cause(*windows(fault), ROLES, Context())
    assert (found.cause, found.segment) == (cause, segment), found.sentence
    assert column is None or found.columns[0] == column
    assert decide(found).remedy is remedy
    assert 0 < found.confidence <= 1
    assert found.runners_up


def test_a_drift_in_a_numeric_region_names_the_region() -> None:
    found = find_cause(*windows(planted.concept_in_a_region), ROLES, Context())
    assert found.cause is Cause.CONCEPT_DRIFT
    assert found.segment is not None
    assert (found.segment.column, found.columns[0]) == ("x3", "x3")
    assert found.segment.value.endswith("inf)")


def test_quiet_windows_are_left_alone() -> None:
    causes = [find_cause(*windows(planted.quiet, n=2000, seed=seed), ROLES, Context()).cause for seed in range(100, 130)]
    assert causes.count(Cause.NONE) >= 29


def test_broken_data_is_never_retrained_on_whatever_else_changed() -> None:
    def both(w: PlantedWorld) -> None:
        planted.concept(w)
        planted.half_null(w)

    found = find_cause(*windows(both), ROLES, Context())
    assert decide(found).remedy is Remedy.QUARANTINE
    assert Cause.CONCEPT_DRIFT in found.also


def test_a_few_rows_are_no_evidence() -> None:
    reference, current = windows(planted.concept)
    found = find_cause(reference, current.slice(0, 60), ROLES, Context())
    assert found.cause is Cause.INSUFFICIENT_EVIDENCE
    assert decide(found).remedy is Remedy.ESCALATE


def test_a_missing_column_is_broken_data_even_in_a_few_rows() -> None:
    reference, current = windows(planted.quiet)
    found = find_cause(reference, current.slice(0, 60).drop_columns(["x3"]), ROLES, Context())
    assert (found.cause, found.columns) == (Cause.DATA_QUALITY, ("x3",))


def test_a_weekend_against_whole_weeks_is_the_season() -> None:
    random = np.random.default_rng(5)

    def rows(days: int, first: int) -> pa.Table:
        seconds = first + np.sort(random.integers(0, days * 86400, size=days * 400))
        weekend = ((seconds // 86400 + 4) % 7 % 6) == 0
        load = random.normal(size=len(seconds)) + 2.0 * weekend
        return pa.table({"load": load, "t": pa.array(seconds * 1_000_000, pa.timestamp("us"))})

    monday = 4 * 86400  # 1970-01-05
    reference, saturday = rows(28, monday), rows(2, monday + 33 * 86400)
    found = find_cause(reference, saturday, planted.Roles(time="t"), Context())
    assert found.cause is Cause.SEASONAL
    assert decide(found).remedy is Remedy.NONE


def test_inputs_alone_never_start_a_retraining() -> None:
    reference, current = (t.select(["x3", "x4", "c"]) for t in windows(planted.shifted))
    found = find_cause(reference, current, planted.Roles(), Context())
    assert (found.cause, found.harm) == (Cause.COVARIATE_SHIFT, "unknown")
    assert decide(found).remedy is Remedy.ESCALATE


def test_a_limit_holds_back_what_advances_and_nothing_that_retreats() -> None:
    from modelmedic.steps.contracts.decision import Objection

    frozen = (Objection("freeze", "every model is frozen"),)
    assert decide(find_cause(*windows(planted.concept), ROLES, Context()), objections=frozen).remedy is Remedy.ESCALATE
    assert decide(find_cause(*windows(planted.released), ROLES, Context()), objections=frozen).remedy is Remedy.ROLLBACK


def test_a_drift_in_a_rare_code_is_found_by_its_shape_where_the_mean_hardly_moved() -> None:
    """Both signs cancel in the mean residual: the loss inside rises a little, and only the
    residuals' shape over x3 says why.
    """

    def in_d(w: PlantedWorld) -> None:
        w.q = np.where(w.c == "D", w.chance(x3=-0.6), w.p)

    found = find_cause(*windows(in_d, n=8000), ROLES, Context())
    assert (found.cause, found.segment, found.columns[0]) == (Cause.CONCEPT_DRIFT, Segment("c", "D"), "x3")


def test_rows_that_are_merely_harder_ask_for_no_retraining() -> None:
    """More rows lie near the middle, where nobody can tell: the loss rises, and nothing in the
    inputs says where the model errs.
    """

    def harder(w: PlantedWorld) -> None:
        w.x["x1"], w.x["x3"] = 0.55 * w.x["x1"], 0.55 * w.x["x3"]
        w.p = w.q = w.chance(offset=0.0)

    found = find_cause(*windows(harder), ROLES, Context())
    assert (found.cause, found.harm, decide(found).remedy) == (Cause.COVARIATE_SHIFT, "none", Remedy.NONE)
    assert found.loss_increase is not None
    assert found.loss_increase > 0
