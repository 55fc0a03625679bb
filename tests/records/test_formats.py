"""Every kept document says its format; what a reader does not know it passes over, and a format
from the future is refused.
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import rfc8785

from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.formats import DOCUMENTS, NewerFormat, document_at, encoded, parse
from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.keys import audit_head_key, audit_key, model_hash, policy_key
from modelmedic.steps.contracts.policy import FORMER_API_VERSION, Policy
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.core.records.chain import GENESIS
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.documents import keep, read
from tests.worlds.played import policy

NOW = datetime(2026, 1, 8, tzinfo=UTC)
KEY = "incidents/churn-00000000/000001/closed.json"
CLOSING = {"outcome": "healed", "at": "2026-01-08T00:00:00Z", "sentence": "version 2 serves"}


def closing(**fields: Any) -> Closing:
    return parse(Closing, json.dumps({**CLOSING, **fields}).encode(), KEY)


def trail(store: MemoryStore) -> AuditTrail:
    return AuditTrail(store, "churn", PlayedClock(NOW), "test")


def test_a_field_that_this_version_does_not_know_is_passed_over() -> None:
    assert closing(mood="merry").outcome is Outcome.HEALED


def test_a_field_that_an_older_version_did_not_write_has_its_default() -> None:
    assert closing().champion_after is None


def test_a_format_from_the_future_is_refused_in_one_sentence() -> None:
    with pytest.raises(NewerFormat) as refused:
        closing(format=2)
    assert str(refused.value) == (
        f"object {KEY} (closing) has format 2, and this version of modelmedic reads up to 1; "
        "upgrade modelmedic to the version that wrote it, or a later one"
    )


@pytest.mark.parametrize("stated", [0, -1, "1", 1.5, True, None])
def test_a_format_that_is_no_positive_integer_is_refused(stated: object) -> None:
    with pytest.raises(BadInput, match="expected an integer from 1"):
        closing(format=stated)


def test_every_kind_of_document_is_found_by_its_key() -> None:
    for document in DOCUMENTS:
        assert document_at(document.key.replace("<", "").replace(">", "")) == document
    for key in ("reference/churn/1/window.parquet", "models/abc/MLmodel", "candidates/churn/000001/abc/input_example.json"):
        assert document_at(key) is None


def test_a_document_is_written_as_rfc_8785_says() -> None:
    data = encoded({"b": 1.0, "a": 1e21, "c": "é\u2028"}, KEY)
    assert data == b'{"a":1e+21,"b":1,"c":"\xc3\xa9\xe2\x80\xa8","format":1}'


def test_a_profile_keeps_integers_that_rfc_8785_has_no_number_for() -> None:
    key = "reference/churn/1/profile-abc.json"
    assert parse(dict[str, Any], encoded({"format": 2, "prints": [[2**63, 1]]}, key), key)["prints"] == [[2**63, 1]]


def test_the_policy_in_the_store_is_read_leniently_and_keeps_its_hash() -> None:
    store, rules = MemoryStore(), policy()
    key = policy_key(rules.hash)
    keep(store, key, rules)
    assert (kept := read(store, Policy, key)) == rules
    assert kept is not None
    assert kept.hash == rules.hash
    blob = store.get(key)
    plain = json.loads(blob.data)
    plain["mood"] = plain["detect"]["mood"] = "merry"
    store.swap(key, json.dumps(plain).encode(), blob.tag)
    assert read(store, Policy, key) == rules


def test_both_spellings_of_the_api_version_are_one_policy() -> None:
    former = Policy.model_validate({**policy().model_dump(mode="json", by_alias=True), "apiVersion": FORMER_API_VERSION})
    assert former == policy()
    assert former.hash == policy().hash


def test_the_hash_of_a_policy_stays_what_it_was() -> None:
    assert policy().hash == "6e45026d78b076caa6d1783f457c7555a72682c90ce7ac0c57acf663df9c6663"


def test_anybody_can_follow_the_chain_with_the_bytes_alone() -> None:
    store = MemoryStore()
    for effect in (0.25, 1.0, 1e-7):
        trail(store).append("drift.measured", facts={"effect": effect})
    before = GENESIS
    for number in (1, 2, 3):
        data = store.get(audit_key(model_hash("churn"), number)).data
        record = json.loads(data)
        assert record["previous"] == before
        assert rfc8785.dumps(record) == data
        before = hashlib.sha256(data).hexdigest()
    assert json.loads(store.get(audit_head_key(model_hash("churn"))).data) == {"format": 1, "sequence": 3, "hash": before}


def test_a_record_with_a_field_of_a_later_version_is_no_forgery() -> None:
    store = MemoryStore()
    trail(store).append("drift.measured")
    record = {**json.loads(store.get(audit_key(model_hash("churn"), 1)).data), "mood": "merry"}
    later = MemoryStore()
    later.create(audit_key(model_hash("churn"), 1), rfc8785.dumps(record))
    trail(later).append("drift.measured")
    assert trail(later).verify() == []
    assert [record.event for record in trail(later).records()] == ["drift.measured", "drift.measured"]


def test_nothing_is_appended_to_a_trail_of_a_newer_version() -> None:
    store = MemoryStore()
    key = audit_key(model_hash("churn"), 1)
    store.create(key, rfc8785.dumps({"format": 3, "said": "something else"}))
    with pytest.raises(NewerFormat, match="upgrade modelmedic"):
        trail(store).append("drift.measured")
    assert "record 1 cannot be read: object" in trail(store).verify()[0].sentence
    assert list(store.list("audit/")) == [key]


def test_facts_hold_any_integer() -> None:
    record = trail(MemoryStore()).append("drift.measured", facts={"row": 2**60})
    assert record.facts == {"row": str(2**60)}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_byte_that_was_changed_is_found_at_its_record(number: int) -> None:
    store = MemoryStore()
    for _ in range(3):
        trail(store).append("drift.measured")
    key = audit_key(model_hash("churn"), number)
    blob = store.get(key)
    store.swap(key, blob.data.replace(b"drift.measured", b"drift.measurec"), blob.tag)
    assert [fault.sequence for fault in trail(store).verify()] == [number]
