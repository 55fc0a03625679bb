"""The probe of a store's conditional writes: a store that ignores conditions lets every writer win,
and nothing would be safe on it. Called when a store is opened for writing.
"""

import contextlib
import uuid

from modelmedic.steps.contracts.errors import Conflict, NotFound, UnsafeStore
from modelmedic.steps.contracts.ports import ObjectStore

KEY = "probe/conditions"


def probe(store: ObjectStore) -> None:
    """Try each condition, in five calls or six. Raises UnsafeStore naming the one that is ignored.

    One object is written over and over, so that starting a pod leaves nothing behind; only an
    unsafe store gets more. Probes at the same time meet each other's writes, which a store that
    keeps its conditions shows as conflicts.
    """
    _expect_no_second_create(store)
    blob = store.get(KEY)
    with contextlib.suppress(Conflict):  # another probe wrote in between: the tag is stale all the same
        store.swap(KEY, _unique(), blob.tag)
    _expect_no_stale_swap(store, blob.tag)
    _expect_no_swap_of_nothing(store, blob.tag)


def _expect_no_second_create(store: ObjectStore) -> None:
    for _ in range(2):
        try:
            store.create(KEY, _unique())
        except Conflict:
            return
    raise UnsafeStore(_sentence("it let an object be created twice (If-None-Match on PUT)"))


def _expect_no_stale_swap(store: ObjectStore, stale: str) -> None:
    try:
        store.swap(KEY, _unique(), stale)
    except Conflict:
        return
    raise UnsafeStore(_sentence("it let a write through that expected an older object (If-Match on PUT)"))


def _expect_no_swap_of_nothing(store: ObjectStore, tag: str) -> None:
    """Older MinIO releases ignore If-Match where there is no object (minio/minio issue 21526)."""
    try:
        store.swap(f"probe/{uuid.uuid4().hex}", _unique(), tag)
    except (NotFound, Conflict):
        return
    raise UnsafeStore(_sentence("it wrote an object that had to exist and did not (If-Match on PUT; older MinIO releases do so)"))


def _sentence(fault: str) -> str:
    return f"the object store ignores conditional writes: {fault}; expected one that keeps S3's conditional PUT"


def _unique() -> bytes:
    """Never twice the same content, so never twice the same tag."""
    return uuid.uuid4().hex.encode()
