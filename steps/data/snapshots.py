"""Immutable copies of the rows that a model was trained or judged on, named by their digest."""

import contextlib

import pyarrow as pa

from modelmedic.steps.contracts.codec import sha256
from modelmedic.steps.contracts.errors import Conflict
from modelmedic.steps.contracts.keys import snapshot_key
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.data.parquet import encoded, opened


def keep(store: ObjectStore, table: pa.Table) -> str:
    """Write the rows down once; their digest, under which `rows` finds them."""
    data = encoded(table)
    digest = sha256(data)
    with contextlib.suppress(Conflict):  # the same rows are there already
        store.create(snapshot_key(digest), data)
    return digest


def digest_of(table: pa.Table) -> str:
    """The digest that `keep` would answer."""
    return sha256(encoded(table))


def read_snapshot(store: ObjectStore, digest: str) -> pa.Table:
    """Raises NotFound."""
    with opened(store, snapshot_key(digest)) as file:
        return file.read()
