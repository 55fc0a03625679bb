"""The troubles that S3 adds to a store: answers get lost, servers fail for a while, and files are
sent in parts.
"""

import io
import uuid
from pathlib import Path

import pytest
import tenacity

from modelmedic.steps.adapters.store.s3 import S3Store
from modelmedic.steps.adapters.store.s3_reader import RangeReader
from modelmedic.steps.contracts.errors import Conflict, StoreError
from tests.adapters.store.conftest import BUCKET
from tests.adapters.store.s3_server import FaultyS3, client

PART = 5 << 20  # S3 takes no smaller part but the last


@pytest.fixture
def store(faulty: FaultyS3) -> S3Store:
    return store_on(faulty.url)


def store_on(url: str, bucket: str = BUCKET) -> S3Store:
    return S3Store(client(url), bucket, uuid.uuid4().hex, part_bytes=PART, pause=tenacity.wait_none())


def test_a_create_whose_answer_was_lost_is_read_back_and_not_repeated(faulty: FaultyS3, store: S3Store) -> None:
    faulty.faults = ["lost"]
    tag = store.create("a", b"one")
    assert (store.get("a").data, store.get("a").tag) == (b"one", tag)
    assert faulty.writes == 1


def test_a_swap_whose_answer_was_lost_is_read_back_and_not_repeated(faulty: FaultyS3, store: S3Store) -> None:
    first = store.create("a", b"one")
    faulty.faults = ["lost"]
    assert store.swap("a", b"two", first) == store.get("a").tag
    assert faulty.writes == 2


def test_a_lost_answer_does_not_make_a_loser_a_winner(faulty: FaultyS3, store: S3Store) -> None:
    store.create("a", b"the other's")
    faulty.faults = ["lost"]
    with pytest.raises(Conflict):
        store.create("a", b"mine")
    assert store.get("a").data == b"the other's"


def test_equal_bytes_of_another_writer_are_still_another_write(faulty: FaultyS3, store: S3Store) -> None:
    store.create("a", b"same")
    faulty.faults = ["broken"]
    with pytest.raises(Conflict):
        store.create("a", b"same")


def test_a_failing_server_and_a_busy_object_are_tried_again(faulty: FaultyS3, store: S3Store) -> None:
    faulty.faults = ["broken", "busy", "broken"]
    store.create("a", b"one")
    assert store.get("a").data == b"one"
    assert faulty.writes == 4


def test_a_creation_refused_for_an_object_that_is_not_there_is_tried_again(faulty: FaultyS3, store: S3Store) -> None:
    faulty.faults = ["broken", "gone"]
    store.create("a", b"one")
    assert store.get("a").data == b"one"


@pytest.mark.parametrize("fault", ["busy", "gone"])
def test_an_object_that_stays_busy_is_a_lost_race(fault: str, faulty: FaultyS3, store: S3Store) -> None:
    faulty.faults = [fault] * 10
    with pytest.raises(Conflict, match="being written by others"):
        store.create("a", b"one")
    assert faulty.writes == 5


def test_a_server_that_stays_broken_is_said_with_its_address(faulty: FaultyS3, store: S3Store) -> None:
    faulty.faults = ["broken"] * 10
    with pytest.raises(StoreError, match=rf"object a in s3://bucket/.*was not written.*{faulty.url} answered InternalError"):
        store.create("a", b"one")


def test_nobody_at_the_address_is_one_sentence() -> None:
    with pytest.raises(StoreError, match=r"was not written and cannot be reached at http://127.0.0.1:1: Could not connect") as caught:
        store_on("http://127.0.0.1:1").create("a", b"")
    assert "\n" not in str(caught.value)


def test_a_bucket_that_is_not_there_is_said_so(s3_url: str) -> None:
    for call in (lambda s: s.get("a"), lambda s: s.create("a", b""), lambda s: list(s.list(""))):
        with pytest.raises(StoreError, match="no such bucket"):
            call(store_on(s3_url, "elsewhere"))


def test_a_large_file_goes_up_in_parts_and_only_once(s3_url: str, tmp_path: Path) -> None:
    store, source = store_on(s3_url), tmp_path / "model"
    source.write_bytes(b"x" * PART + b"end")
    tag = store.upload("model", source)
    blob = store.get("model")
    assert (blob.data[PART:], blob.tag) == (b"end", tag)
    with pytest.raises(Conflict):
        store.upload("model", source)
    assert client(s3_url).list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []


def test_parts_whose_completion_was_not_answered_are_read_back(faulty: FaultyS3, store: S3Store, tmp_path: Path) -> None:
    source = tmp_path / "model"
    source.write_bytes(b"x" * PART + b"end")
    faulty.faults = [None, None, None, "lost"]
    assert store.upload("model", source) == store.get("model").tag


def test_an_object_that_changes_while_it_is_read_is_not_read_in_two_versions(s3_url: str) -> None:
    store = store_on(s3_url)
    first = store.create("a", b"x" * (3 << 20))
    with store.open("a") as reader:
        reader.read(10)
        store.swap("a", b"y" * (3 << 20), first)
        with pytest.raises(Conflict):
            reader.read()


def test_a_listing_goes_on_behind_a_page(s3_url: str) -> None:
    short = client(s3_url)
    short.meta.events.register("provide-client-params.s3.ListObjectsV2", lambda params, **_: {**params, "MaxKeys": 3})
    store = S3Store(short, BUCKET, uuid.uuid4().hex)
    for number in range(8):
        store.create(f"n/{number}", b"")
    assert list(store.list("n/", after="n/0")) == [f"n/{number}" for number in range(1, 8)]


def test_the_reader_fetches_what_is_read_and_no_more() -> None:
    data, fetched = bytes(range(256)) * 40, []

    def fetch(start: int, end: int) -> bytes:
        fetched.append((start, end))
        return data[start:end]

    reader = RangeReader(len(data), fetch)
    reader.seek(-10, io.SEEK_END)
    assert reader.read(100) == data[-10:]
    assert reader.read(1) == b""
    reader.seek(256)
    assert reader.read(3) == data[256:259]
    assert fetched == [(len(data) - 10, len(data)), (256, 259)]
