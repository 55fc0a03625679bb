"""Every object store keeps one set of promises; the folder keeps them between processes too."""

import io
import multiprocessing
import signal
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.adapters.store.folder import FolderStore
from modelmedic.steps.adapters.store.probe import probe
from modelmedic.steps.adapters.store.s3 import S3Store
from modelmedic.steps.contracts.errors import BadInput, Conflict, NotFound, StoreError
from modelmedic.steps.contracts.ports import ObjectStore
from tests.adapters.store.conftest import BUCKET


@pytest.fixture(params=["folder", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "s3":
        return S3Store(request.getfixturevalue("s3_client"), BUCKET, f"tests/{uuid.uuid4().hex}")
    return FolderStore(tmp_path / "store") if request.param == "folder" else MemoryStore()


def test_what_was_created_is_read_back_with_its_tag(store: ObjectStore) -> None:
    tag = store.create("a/b.json", b"one")
    assert store.get("a/b.json").data == b"one"
    assert store.get("a/b.json").tag == tag


def test_the_second_create_loses_and_changes_nothing(store: ObjectStore) -> None:
    store.create("a", b"one")
    with pytest.raises(Conflict):
        store.create("a", b"two")
    assert store.get("a").data == b"one"


def test_a_swap_needs_the_tag_that_stands(store: ObjectStore) -> None:
    first = store.create("a", b"one")
    store.swap("a", b"two", first)
    with pytest.raises(Conflict):
        store.swap("a", b"three", first)
    assert store.get("a").data == b"two"


def test_a_swap_back_to_the_same_bytes_gets_the_same_tag(store: ObjectStore) -> None:
    first = store.create("a", b"one")
    second = store.swap("a", b"two", first)
    assert store.swap("a", b"one", second) == first


def test_nothing_of_that_name_is_said_so(store: ObjectStore) -> None:
    for call in (lambda: store.get("no"), lambda: store.open("no"), lambda: store.swap("no", b"", "tag")):
        with pytest.raises(NotFound, match="no"):
            call()


def test_a_listing_is_in_order_and_goes_on_behind_a_key(store: ObjectStore) -> None:
    for key in ("a/2", "a/10", "a-b", "b", "a/1"):
        store.create(key, b"")
    assert list(store.list("a")) == ["a-b", "a/1", "a/10", "a/2"]
    assert list(store.list("a/", after="a/1")) == ["a/10", "a/2"]


def test_a_file_of_any_size_is_uploaded_once(store: ObjectStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x" * 100_000)
    store.upload("big", source)
    with store.open("big") as reader:
        reader.seek(99_998)
        assert reader.read() == b"xx"
    with pytest.raises(Conflict):
        store.upload("big", source)


def test_parquet_is_streamed_from_the_reader(store: ObjectStore) -> None:
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pa.table({"a": list(range(1000)), "b": ["x"] * 1000}), sink, row_group_size=100)
    store.create("log.parquet", sink.getvalue())
    with store.open("log.parquet") as reader:
        assert pyarrow.parquet.ParquetFile(reader).read_row_group(7, columns=["a"])["a"].to_pylist() == list(range(700, 800))


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    store.create("empty", b"")
    assert store.get("empty").data == b""
    with store.open("empty") as reader:
        assert reader.read() == b""


def test_a_store_that_keeps_its_conditions_passes_the_probe_again_and_again(store: ObjectStore) -> None:
    probe(store)
    probe(store)
    assert list(store.list("")) == ["probe/conditions"]


@pytest.mark.parametrize("key", ["", "/a", "a/", "../a", "a/../b", "a//b", ".store/x", "a\x00", "a\nb", "x" * 201, "a\\b"])
def test_a_key_that_climbs_or_hides_is_refused(store: ObjectStore, key: str) -> None:
    with pytest.raises(BadInput, match="key is"):
        store.create(key, b"")


def test_an_unreachable_store_says_so_on_every_call() -> None:
    store = MemoryStore()
    store.unreachable = True
    with pytest.raises(StoreError, match="unreachable"):
        store.create("a", b"")


def _race(root: Path, gate: "multiprocessing.synchronize.Barrier", wins: "multiprocessing.Queue[int]", number: int) -> None:
    store = FolderStore(root)
    gate.wait()
    try:
        store.create("race", str(number).encode())
    except Conflict:
        return
    wins.put(number)


def test_of_eight_processes_one_wins_a_create(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    gate, wins = context.Barrier(8), context.Queue()
    racers = [context.Process(target=_race, args=(tmp_path, gate, wins, n)) for n in range(8)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(30)
    winner = wins.get(timeout=5)
    assert wins.empty()
    assert FolderStore(tmp_path).get("race").data == str(winner).encode()


def _keep_swapping(root: Path) -> None:
    store, flip = FolderStore(root), b"a"
    while True:
        flip = b"b" if flip == b"a" else b"a"
        store.swap("object", flip * 1_000_000, store.get("object").tag)


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline


def test_a_kill_mid_write_leaves_the_old_or_the_new_bytes(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.create("object", b"a" * 1_000_000)
    first = store.get("object").tag
    writer = multiprocessing.get_context("fork").Process(target=_keep_swapping, args=(tmp_path,))
    writer.start()
    _until(lambda: store.get("object").tag != first)
    assert writer.pid is not None
    writer.kill()
    writer.join(10)
    assert writer.exitcode == -signal.SIGKILL
    assert store.get("object").data in (b"a" * 1_000_000, b"b" * 1_000_000)
    assert list(store.list("")) == ["object"]
    store.swap("object", b"alive", store.get("object").tag)
