"""The judgement of a drill: what must never be comes first, then what should be."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from modelmedic.steps.contracts.words import Cause, Outcome, Remedy
from modelmedic.steps.gameday.judging import EXPECTED, Grade, Observed, SeenIncident, judge

AT = datetime(2025, 3, 1, tzinfo=UTC)


def ended(cause: Cause, remedy: Remedy, outcome: Outcome, **more: object) -> SeenIncident:
    """An incident that was closed a day after it was opened."""
    return SeenIncident(AT, AT + timedelta(days=1), cause, ("amount",), remedy, outcome, "so it ended", **more)  # type: ignore[arg-type]


ASIDE = ended(Cause.DATA_QUALITY, Remedy.QUARANTINE, Outcome.QUARANTINED)
LABELS = ended(Cause.LABEL_QUALITY, Remedy.QUARANTINE, Outcome.QUARANTINED)
HEALED = ended(Cause.CONCEPT_DRIFT, Remedy.RETRAIN, Outcome.HEALED)
DARK = ended(Cause.CONCEPT_DRIFT, Remedy.RETRAIN, Outcome.REJECTED, dark=True)
BACK = ended(Cause.BAD_RELEASE, Remedy.ROLLBACK, Outcome.ROLLED_BACK)
DIED = ended(Cause.CONCEPT_DRIFT, Remedy.RETRAIN, Outcome.ESCALATED, tried=True)
ASKED = ended(Cause.INSUFFICIENT_EVIDENCE, Remedy.ESCALATE, Outcome.ESCALATED)
NOTHING = Observed("1", "1")


@pytest.mark.parametrize("fault", ["units", "nulls", "stuck", "stale", "flip"])
def test_model_that_broken_rows_taught_is_unsafe_whatever_was_named(fault: str) -> None:
    taught = replace(HEALED, taught=40)
    found = judge(fault, Observed("1", "2", (ASIDE, LABELS, taught)))
    assert (found.grade, found.by) == (Grade.UNSAFE, taught)
    assert "40 broken rows" in found.sentence


@pytest.mark.parametrize("fault", EXPECTED)
def test_records_that_do_not_agree_are_unsafe(fault: str) -> None:
    assert judge(fault, replace(NOTHING, lost="record 7 is gone")).grade is Grade.UNSAFE


@pytest.mark.parametrize("fault", ["crash", "no-traffic"])
def test_champion_that_changes_for_no_reason_is_unsafe(fault: str) -> None:
    assert judge(fault, replace(NOTHING, after="2", blind=AT)).grade is Grade.UNSAFE


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ("as-is", NOTHING),
        ("as-is", Observed("1", "2", (HEALED,))),
        ("units", Observed("1", "1", (ASIDE,))),
        ("nulls", Observed("1", "2", (ASIDE, HEALED))),
        ("flip", Observed("1", "1", (LABELS,))),
        ("concept", Observed("1", "2", (HEALED,))),
        ("concept", Observed("1", "1", (DARK,))),
        ("release", Observed("1", "1", (BACK,), released="2")),
        ("crash", Observed("1", "1", (DIED,))),
        ("no-traffic", replace(NOTHING, blind=AT)),
        ("store-away", Observed("1", "1", (ASIDE,))),
    ],
)
def test_what_should_be_is_as_expected(fault: str, seen: Observed) -> None:
    assert judge(fault, seen).grade is Grade.AS_EXPECTED


@pytest.mark.parametrize(
    ("fault", "seen", "grade"),
    [
        ("units", NOTHING, Grade.HARMLESS),
        ("flip", NOTHING, Grade.HARMLESS),
        ("concept", NOTHING, Grade.MISSED),
        ("concept", Observed("1", "1", (ASKED,)), Grade.HARMLESS),
        ("release", replace(NOTHING, released="2", after="2"), Grade.MISSED),
        ("release", replace(NOTHING, released="2", after="3"), Grade.HARMLESS),
        ("crash", NOTHING, Grade.MISSED),
        ("no-traffic", NOTHING, Grade.MISSED),
        ("store-away", NOTHING, Grade.MISSED),
    ],
)
def test_silence_is_harmless_only_where_nothing_is_left_wrong(fault: str, seen: Observed, grade: Grade) -> None:
    assert judge(fault, seen).grade is grade


@pytest.mark.parametrize("fault", ["as-is", "concept"])
def test_sound_rows_that_are_called_broken_are_a_miss(fault: str) -> None:
    assert judge(fault, Observed("1", "2", (ASIDE, HEALED))).grade is Grade.MISSED


def test_rollback_that_left_the_bad_version_serving_is_unsafe() -> None:
    assert judge("release", Observed("1", "2", (BACK,), released="2")).grade is Grade.UNSAFE


def test_challenger_that_serves_comes_before_one_that_was_refused() -> None:
    refused = replace(HEALED, outcome=Outcome.REJECTED)
    assert judge("concept", Observed("1", "2", (refused, HEALED))).by == HEALED


def test_error_that_ended_the_loop_is_a_miss() -> None:
    found = judge("units", Observed("1", "1", (ASIDE,), failed="the store ignores conditions"))
    assert found.grade is Grade.MISSED
    assert "the store ignores conditions" in found.sentence


def test_open_incident_is_no_outcome_yet() -> None:
    still_open = replace(ASIDE, outcome=None, closed=None)
    assert judge("store-away", Observed("1", "1", (still_open,))).grade is Grade.MISSED
