"""The reference window of each model version, to which its current windows are compared; written by
bootstrap and by every promotion, read by detection, diagnosis and reporting.
"""

import contextlib
from collections.abc import Mapping

import pyarrow as pa

from modelmedic.steps.contracts.errors import BadInput, Conflict, NotFound
from modelmedic.steps.contracts.formats import NewerFormat
from modelmedic.steps.contracts.keys import reference_key
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.data.parquet import encoded, opened

_WINDOW = "window.parquet"
_REPLAY = "replay.parquet"
_FORMAT = 1
_FORMAT_KEY = b"modelmedic.format"  # in the metadata of the file; without it, the first format


class StoredReferences:
    """Implements `References` under `reference/` of the store. The first table that is kept for a
    version stands.
    """

    def __init__(self, store: ObjectStore, model: str) -> None:
        self._store = store
        self._model = model

    def keep(self, version: str, table: pa.Table) -> None:
        """Raises BadInput for a table without rows: nothing can be compared with it."""
        if not table.num_rows:
            raise BadInput(
                f"the reference of model {self._model}, version {version}, has no rows; expected labelled rows it never learnt from"
            )
        self._create(reference_key(self._model, version, _WINDOW), table)

    def table(self, version: str) -> pa.Table:
        """The rows. Raises NotFound, NewerFormat, or BadInput when the object is no Parquet."""
        try:
            return self._read(reference_key(self._model, version, _WINDOW))
        except NotFound as error:
            raise NotFound(
                f"no reference is kept for model {self._model}, version {version}; `modelmedic bootstrap` and every promotion keep one"
            ) from error

    def keep_replay(self, version: str, table: pa.Table) -> None:
        self._create(reference_key(self._model, version, _REPLAY), table)

    def replay(self, version: str) -> pa.Table:
        """Raises as `table` does."""
        try:
            return self._read(reference_key(self._model, version, _REPLAY))
        except NotFound:
            return self.table(version)

    def _create(self, key: str, table: pa.Table) -> None:
        with contextlib.suppress(Conflict):
            self._store.create(key, encoded(table.replace_schema_metadata({_FORMAT_KEY: str(_FORMAT).encode()})))

    def _read(self, key: str) -> pa.Table:
        with opened(self._store, key) as file:
            _refuse_newer(file.schema_arrow.metadata or {}, key)
            return file.read().replace_schema_metadata(None)


def _refuse_newer(metadata: Mapping[bytes, bytes], key: str) -> None:
    stated = metadata.get(_FORMAT_KEY, b"1").decode(errors="replace")
    if stated != str(_FORMAT):
        raise NewerFormat(
            f"object {key} (reference) has format {stated[:20]}, and this version of modelmedic reads up to {_FORMAT}; "
            "upgrade modelmedic to the version that wrote it, or a later one"
        )
