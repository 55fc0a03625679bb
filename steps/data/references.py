"""What each model version is compared with: its reference window, and beside it what was made from
that once.
"""

import contextlib

import pyarrow as pa

from modelmedic.steps.contracts.errors import BadInput, Conflict, NotFound
from modelmedic.steps.contracts.keys import reference_key
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.data.parquet import encoded, opened

_WINDOW = "window.parquet"


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
        with contextlib.suppress(Conflict):
            self._store.create(self._key(version), encoded(table))

    def table(self, version: str) -> pa.Table:
        try:
            with opened(self._store, self._key(version)) as file:
                return file.read()
        except NotFound as error:
            raise NotFound(
                f"no reference is kept for model {self._model}, version {version}; `modelmedic bootstrap` and every promotion keep one"
            ) from error

    def _key(self, version: str) -> str:
        return reference_key(self._model, version, _WINDOW)
