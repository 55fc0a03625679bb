"""The wanted state of local serving, as one small document that is written before any process is
touched.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import from_json

from modelmedic.steps.adapters.store.folder import FolderStore
from modelmedic.steps.contracts.codec import decode
from modelmedic.steps.contracts.errors import BadInput, Conflict, NotFound
from modelmedic.steps.contracts.formats import encoded, format_of
from modelmedic.steps.contracts.training import ModelVersion

_KEY = "serving.json"


@dataclass(frozen=True, slots=True)
class PredictorSlot:
    """One predictor: the name of its process and the model that it serves."""

    name: str
    version: str
    digest: str
    uri: str

    @classmethod
    def of(cls, name: str, model: ModelVersion) -> "PredictorSlot":
        return cls(name, model.version, model.digest, model.uri)


@dataclass(frozen=True, slots=True)
class LocalState:
    """The slots, the share and the port. `generation` rises with every change of what serves;
    notes, ports and a stop are no such change.
    """

    generation: int = 0
    champion: PredictorSlot | None = None
    canary: PredictorSlot | None = None
    percent: int = 0
    previous: PredictorSlot | None = None
    incoming: PredictorSlot | None = None  # on its way to be the champion of a restore
    annotations: Mapping[str, str] = field(default_factory=dict)
    gateway_port: int = 0
    stopped: bool = False
    serial: int = 0  # of the last process

    @property
    def slots(self) -> tuple[PredictorSlot, ...]:
        return tuple(slot for slot in (self.champion, self.canary, self.previous, self.incoming) if slot is not None)

    def new_slot(self, model: ModelVersion) -> tuple["LocalState", PredictorSlot]:
        """A slot for a new process."""
        return replace(self, serial=self.serial + 1), PredictorSlot.of(f"predictor-{self.serial + 1:04d}", model)


class StateFile:
    """The document in a folder, changed by compare-and-swap."""

    def __init__(self, root: Path) -> None:
        self._store = FolderStore(root / "state")

    def read(self) -> LocalState:
        try:
            return self._parsed(self._store.get(_KEY).data)
        except NotFound:
            return LocalState()

    def change(self, to: Callable[[LocalState], LocalState], *, expected: int | None = None) -> LocalState:
        """Write the state that `to` makes of the current one, and return it. `to` is called again
        when another writer was faster.

        Raises Conflict when the generation is not `expected`; None is for retreats, which need
        none.
        """
        while True:
            try:
                blob = self._store.get(_KEY)
                now, tag = self._parsed(blob.data), blob.tag
            except NotFound:
                now, tag = LocalState(), None
            if expected is not None and now.generation != expected:
                raise Conflict(f"serving is at generation {now.generation}; expected {expected}: another writer changed it meanwhile")
            after = to(now)
            if after == now:
                return now
            try:
                self._write(after, tag)
            except Conflict:
                continue
            return after

    def _parsed(self, data: bytes) -> LocalState:
        try:
            state = decode(LocalState, data)
            format_of(from_json(data), _KEY)
            return state
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the document"
            raise BadInput(
                f"{self._store.root / _KEY} is no state of local serving ({place}: {first['msg']}); stop it and remove the file"
            ) from error

    def _write(self, after: LocalState, tag: str | None) -> None:
        if tag is None:
            self._store.create(_KEY, encoded(after, _KEY))
        else:
            self._store.swap(_KEY, encoded(after, _KEY), tag)
