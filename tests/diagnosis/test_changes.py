"""A diagnosis names the changes that were noted around its onset, and is otherwise as it was."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from modelmedic.steps.contracts.change import ChangeEvent
from modelmedic.steps.contracts.diagnosis import Diagnosis, Evidence
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Cause, ChangeKind
from modelmedic.steps.core.diagnosis.changes import with_changes

HOUR = timedelta(hours=1)
ONSET = datetime(2026, 5, 4, 12, tzinfo=UTC)
WINDOW = Window(ONSET - timedelta(days=5), ONSET + timedelta(days=2))
FOUND = Diagnosis(Cause.DATA_QUALITY, 0.9, ("amount",), onset=ONSET, evidence=(Evidence("units.found", "amount is in cents"),))


def event(hours: float, what: str = "orders v12", columns: tuple[str, ...] = ()) -> ChangeEvent:
    return ChangeEvent(ONSET + hours * HOUR, ChangeKind.FEATURE, what, "loans", columns, "etl")


def named(found: Diagnosis, *events: ChangeEvent) -> list[str]:
    return [each.sentence for each in with_changes(found, events, WINDOW).evidence if each.name == "change.noted"]


def test_the_change_before_the_onset_is_named_behind_what_was_measured() -> None:
    told = with_changes(FOUND, [event(-6)], WINDOW)
    assert told.evidence[0] == FOUND.evidence[0]
    assert named(FOUND, event(-6)) == ["feature change 6 h before the onset, noted by etl: orders v12"]
    assert replace(told, evidence=FOUND.evidence) == FOUND


def test_changes_of_the_columns_to_blame_come_first_and_then_the_nearest() -> None:
    said = named(FOUND, event(-1, "a"), event(-40, "b", ("amount", "age")), event(-2, "c"), event(0.5, "d"))
    assert [each.rsplit(" ", 1)[1] for each in said] == ["b", "d", "a"]
    assert said[0] == "feature change of amount 40 h before the onset, noted by etl: b"
    assert said[1].startswith("feature change 30 minutes after the onset")


def test_what_changed_long_before_or_after_the_onset_is_no_suspect() -> None:
    assert named(FOUND, event(-24 * 3 - 1), event(7)) == []


def test_without_an_onset_the_whole_window_may_hold_the_change() -> None:
    found = replace(FOUND, onset=None)
    assert named(found, event(40)) == ["feature change 7 days after the window begins, noted by etl: orders v12"]
    assert named(found, event(49)) == []


def test_where_nothing_is_wrong_nothing_is_suspected() -> None:
    assert named(replace(FOUND, cause=Cause.NONE), event(-6)) == []
