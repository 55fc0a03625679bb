"""Past incidents are read as they were recorded."""

from dataclasses import replace
from datetime import timedelta

from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.contracts.keys import incident_key, model_hash
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.records.documents import keep
from modelmedic.steps.review.past import past_incidents
from tests.worlds.past import DAY, START, healed, kept, past, quarantined


def test_what_was_recorded_is_read_back_oldest_first() -> None:
    store, known = MemoryStore(), [healed(), quarantined(2, day=30), past(3, day=60, outcome=Outcome.REJECTED)]
    kept(store, known)
    assert past_incidents(store, PlayedClock(START), "churn") == tuple(known)
    assert past_incidents(store, PlayedClock(START), "churn", START + 20 * DAY) == tuple(known[1:])


def test_an_incident_that_is_open_or_was_never_diagnosed_is_left_out() -> None:
    store = MemoryStore()
    kept(store, [healed()])
    later = replace(healed(2, day=30).incident, opened_at=START + timedelta(days=30))
    keep(store, incident_key(model_hash("churn"), 2, "opened.json"), later)
    assert [each.incident.epoch for each in past_incidents(store, PlayedClock(START), "churn")] == [1]
