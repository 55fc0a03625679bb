"""At most one incident of a model is open, and every word on it is written once."""

from datetime import UTC, datetime, timedelta

import pytest

from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.contracts.errors import BadInput, Conflict, NotFound
from modelmedic.steps.contracts.incident import Answer, Closing, Incident
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.records.ledger import Ledger

NOW = datetime(2026, 1, 8, tzinfo=UTC)
WEEK = Window(NOW - timedelta(days=7), NOW)


class Standing:
    def now(self) -> datetime:
        return NOW


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(MemoryStore(), Standing())


def opened(ledger: Ledger, alert: str = "drift") -> Incident:
    return ledger.open_incident("flights", "hash", WEEK, alert, {})[0]


def test_a_second_alert_joins_the_open_incident(ledger: Ledger) -> None:
    first = opened(ledger)
    second, new = ledger.open_incident("flights", "hash", WEEK, "loss", {"a": "b"})
    assert (second, new) == (first, False)
    assert [e["alert"] for e in ledger.evidence(first)] == ["loss"]


def test_a_repeated_alert_is_one_piece_of_evidence(ledger: Ledger) -> None:
    incident = opened(ledger)
    for _ in range(3):
        ledger.open_incident("flights", "hash", WEEK, "loss", {"a": "b"})
    assert len(ledger.evidence(incident)) == 1


def test_the_next_incident_counts_on_once_the_last_is_closed(ledger: Ledger) -> None:
    first = opened(ledger)
    ledger.close(first, Closing(Outcome.NO_ACTION, NOW, "nothing to do"))
    assert ledger.current("flights") is None
    assert opened(ledger).epoch == first.epoch + 1


def test_the_first_closing_stands(ledger: Ledger) -> None:
    incident = opened(ledger)
    ledger.close(incident, Closing(Outcome.HEALED, NOW, "healed"))
    assert ledger.close(incident, Closing(Outcome.ESCALATED, NOW, "late")).outcome is Outcome.HEALED


def test_a_stage_that_ran_twice_keeps_its_first_result(ledger: Ledger) -> None:
    incident = opened(ledger)
    ledger.record_stage(incident, "retrain", {"model": "one"})
    assert ledger.record_stage(incident, "retrain", {"model": "two"}) == {"model": "one"}
    assert ledger.stages(incident) == {"retrain": {"model": "one"}}


def test_answers_keep_their_order_and_are_never_replaced(ledger: Ledger) -> None:
    incident = opened(ledger)
    for name in ("ann", "bob"):
        ledger.answer(incident, Answer(True, name, NOW, "digest"))
    assert [a.by for a in ledger.answers(incident)] == ["ann", "bob"]


def test_an_open_incident_cannot_be_assessed(ledger: Ledger) -> None:
    with pytest.raises(Conflict, match="is open"):
        ledger.assess(opened(ledger), True, "better")


def test_an_incident_is_found_by_its_id_alone(ledger: Ledger) -> None:
    incident = opened(ledger)
    assert ledger.find(incident.id) == incident
    with pytest.raises(NotFound, match="modelmedic incidents"):
        ledger.find("flights-00000000-7")
    with pytest.raises(BadInput, match="incident id is"):
        ledger.find("{{workflow.name}}")


def test_hostile_model_names_get_an_id_within_the_grammar(ledger: Ledger) -> None:
    incident, _ = ledger.open_incident("Ä '; rm -rf / {{x}} " * 30, "hash", WEEK, "drift", {})
    assert ledger.find(incident.id) == incident
