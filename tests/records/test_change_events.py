"""Changes are kept once, found by when they took effect, and read past what others wrote there."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.contracts.change import ChangeEvent
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import ChangeKind
from modelmedic.steps.records.change_events import changes, note_change

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
EVENT = ChangeEvent(NOW - timedelta(hours=1), ChangeKind.JOB, "nightly export moved", "loans", ("amount",), "etl", "https://ci/1")
DAY = Window(NOW - timedelta(days=1), NOW)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def clock() -> PlayedClock:
    return PlayedClock(NOW)


def test_a_job_that_is_tried_again_notes_the_same_change_once(store: MemoryStore) -> None:
    first, again = (note_change(store, clock(), EVENT) for _ in range(2))
    assert (first[1], again[1], first[0]) == (True, False, again[0])
    assert changes(store, "loans", DAY) == [replace(EVENT, noted_at=NOW)]


def test_changes_of_the_model_and_of_all_models_are_found_by_when_they_took_effect(store: MemoryStore) -> None:
    for hours, model in ((30, "loans"), (5, None), (3, "loans"), (2, "flights"), (0, "loans")):
        note_change(store, clock(), replace(EVENT, at=NOW - timedelta(hours=hours), model=model, what=f"{hours} hours ago"))
    assert [each.what for each in changes(store, "loans", DAY)] == ["5 hours ago", "3 hours ago"]


def test_objects_that_are_no_changes_are_passed_over(store: MemoryStore) -> None:
    note_change(store, clock(), EVENT)
    for name, data in (("a", b"\xff"), ("b", b"{}"), ("c", b'{"at": "2026-05-04T11:00:00Z", "kind": "job", "what": "two\\nlines"}')):
        store.create(f"changes/all/20260504T110000Z-{name}.json", data)
    assert [each.what for each in changes(store, "loans", DAY)] == [EVENT.what]


def test_another_program_may_write_an_object_by_hand(store: MemoryStore) -> None:
    store.create("changes/all/20260504T110000Z.json", b'{"at": "2026-05-04T11:00:00Z", "kind": "source", "what": "new vendor"}')
    assert [each.what for each in changes(store, "loans", DAY)] == ["new vendor"]


def test_secrets_are_taken_out(store: MemoryStore) -> None:
    key, _ = note_change(store, clock(), replace(EVENT, what="password=hunter2secret for the export"))
    assert b"hunter2secret" not in store.get(key).data


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"what": " "}, "says nothing of what changed"),
        ({"what": "two\nlines"}, "what of the change is 'two"),
        ({"what": "x" * 301}, "at most 300 characters"),
        ({"by": "a\x1b[31m"}, "by of the change"),
        ({"link": "javascript:alert(1)"}, "begins with https://"),
        ({"columns": ("a\nb",)}, "one line"),
    ],
)
def test_a_text_that_no_page_should_carry_is_refused(store: MemoryStore, change: dict[str, object], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        note_change(store, clock(), replace(EVENT, **change))  # type: ignore[arg-type]
    assert list(store.list("")) == []
