"""A posted change is read strictly; whatever else is posted is refused by one sentence."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from modelmedic.steps.contracts.change import ChangeEvent
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.words import ChangeKind
from modelmedic.steps.core.records.change_body import MOST_BYTES, read_change

AT = "2026-05-04T11:00:00Z"
LEAST: dict[str, Any] = {"at": AT, "what": "orders v12", "model": "loans"}


def told(**changes: Any) -> bytes:
    return json.dumps({**LEAST, **changes}).encode()


def test_a_whole_change_is_read_as_it_is_said() -> None:
    body = told(kind="feature", columns=["amount"], by="ci", link="https://ci/1")
    moment = datetime(2026, 5, 4, 11, tzinfo=UTC)
    assert read_change(body) == ChangeEvent(moment, ChangeKind.FEATURE, "orders v12", "loans", ("amount",), "ci", "https://ci/1")


def test_a_change_of_all_models_has_to_be_said() -> None:
    assert read_change(told(model=None, all_models=True)).model is None
    with pytest.raises(BadInput, match="all_models: true without a model"):
        read_change(told(model=None))


def test_a_time_without_a_zone_is_utc_and_one_with_another_is_turned() -> None:
    assert read_change(told(at="2026-05-04T11:00:00")) == read_change(told(at="2026-05-04T13:00:00+02:00"))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "is no JSON"),
        (b"[" * 9000, "is no JSON"),
        (b"[1]", "is a JSON list"),
        (b" " * (MOST_BYTES + 1), f"expected at most {MOST_BYTES}"),
        (told(extra=1), "has the key 'extra'"),
        (told(at="yesterday"), "at of the change is 'yesterday'"),
        (told(at=17), "at of the change is 17"),
        (told(kind="gossip"), "expected one of"),
        (told(kind=["job"]), "expected one of"),
        (told(model="../loans"), "expected the name of a policy"),
        (told(model="loans", all_models=True), "without a model"),
        (told(columns="amount"), "expected a list"),
        (told(columns=["a"] * 51), "at most 50"),
        (told(columns=[1]), "expected a list"),
        (told(what=7), "what of the change is 7; expected a text"),
        (told(link={"a": 1}), "link of the change"),
    ],
)
def test_anything_else_is_refused_by_a_sentence(body: bytes, said: str) -> None:
    with pytest.raises(BadInput, match=said.replace("(", r"\(").replace("[", r"\[")):
        read_change(body)


@pytest.mark.parametrize("key", [*LEAST, "kind", "columns", "by", "link", "all_models"])
@pytest.mark.parametrize("value", [None, True, -1, 1e400, "", "\ud800", "9" * 400, [], [[]], {}, {"$ref": 1}], ids=repr)
def test_no_value_of_a_key_is_a_traceback(key: str, value: Any) -> None:
    with suppress(BadInput):
        assert read_change(told(**{key: value})).at is not None
