"""Objects are fetched whole, once each and in order; from a store far away a few at a time, and
never much memory of them.
"""

from threading import Barrier
from typing import Any

import pytest

from modelmedic.steps.adapters.store.s3 import S3Store
from modelmedic.steps.contracts.errors import NotFound
from modelmedic.steps.contracts.ports import Blob
from modelmedic.steps.data.parquet import fetched
from tests.adapters.store.conftest import BUCKET
from tests.adapters.store.counting import CountingStore
from tests.adapters.store.s3_server import client

KEYS = [f"log/{number:02d}" for number in range(20)]


def filled(store: CountingStore, size: int = 100) -> CountingStore:
    for key in KEYS:
        store.create(key, key.encode().ljust(size))
    return store


class Reluctant(CountingStore):
    """Answers no request but the first before four are there."""

    def __init__(self) -> None:
        super().__init__(at_once=4)
        self._together = Barrier(4, timeout=30)

    def get(self, key: str) -> Blob:
        if key != KEYS[0]:
            self._together.wait()
        return super().get(key)


@pytest.mark.parametrize("at_once", [1, 2, 8])
def test_objects_come_once_each_and_in_the_order_of_the_keys(at_once: int) -> None:
    store = filled(CountingStore(at_once=at_once))
    assert [(key, data.strip().decode()) for key, data in fetched(store, KEYS)] == [(key, key) for key in KEYS]
    assert sorted(store.asked["get"]) == KEYS


def test_requests_to_a_store_far_away_are_under_way_together() -> None:
    store = filled(Reluctant())
    assert [key for key, _ in fetched(store, KEYS[:17])] == KEYS[:17]


def test_a_near_store_is_asked_when_the_object_is_wanted() -> None:
    store = filled(CountingStore())
    for number, _ in enumerate(fetched(store, KEYS), 1):
        assert len(store.asked["get"]) == number


def test_large_objects_are_fetched_one_at_a_time() -> None:
    store = filled(CountingStore(at_once=8), size=17 << 20)
    for number, _ in enumerate(fetched(store, KEYS[:4]), 1):
        assert len(store.asked["get"]) == number


def test_no_more_than_the_stated_number_is_asked_ahead() -> None:
    store = filled(CountingStore(at_once=3))
    for number, _ in enumerate(fetched(store, KEYS), 1):
        assert len(store.asked["get"]) <= number + 2


def test_a_reader_that_stops_early_asks_for_no_more() -> None:
    store = filled(CountingStore(at_once=8))
    objects = fetched(store, KEYS)
    next(objects), next(objects)
    objects.close()  # type: ignore[attr-defined]
    assert len(store.asked["get"]) <= 2 + 7


@pytest.mark.parametrize("at_once", [1, 8])
def test_a_missing_object_is_told_at_its_turn(at_once: int) -> None:
    store = filled(CountingStore(at_once=at_once))
    store.gone |= {KEYS[5], KEYS[6]}
    met: list[str] = []
    with pytest.raises(NotFound, match=KEYS[5]):
        met.extend(key for key, _ in fetched(store, KEYS))
    objects = fetched(store, KEYS)
    assert [next(objects)[0] for _ in range(5)] == KEYS[:5]
    with pytest.raises(NotFound, match=KEYS[5]):
        next(objects)


def test_nothing_is_fetched_of_no_keys() -> None:
    store = CountingStore(at_once=8)
    assert list(fetched(store, [])) == []
    assert not store.asked


def test_an_object_in_s3_costs_one_request(s3_url: str) -> None:
    speaking = client(s3_url)
    store = S3Store(speaking, BUCKET, "fetching")
    for key in KEYS:
        store.create(key, key.encode())
    sent: list[str] = []

    def note(request: Any, **_: Any) -> None:
        sent.append(request.method)

    speaking.meta.events.register("before-send.s3", note)
    assert [(key, data.decode()) for key, data in fetched(store, KEYS)] == [(key, key) for key in KEYS]
    assert sent == ["GET"] * len(KEYS)
