"""What is wanted of local serving, as one small document that is written before any process is
touched.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from modelmedic.steps.adapters.store.folder import FolderStore
from modelmedic.steps.contracts.codec import encode
from modelmedic.steps.contracts.errors import Conflict, NotFound
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.records.documents import parse

_KEY = "serving.json"


@dataclass(frozen=True, slots=True)
class Slot:
    """One predictor: the name of its process and the model that it serves."""

    name: str
    version: str
    digest: str
    uri: str

    @classmethod
    def of(cls, name: str, model: ModelVersion) -> "Slot":
        return cls(name, model.version, model.digest, model.uri)


@dataclass(frozen=True, slots=True)
class Wanted:
    """`generation` rises with every change of what serves; notes, ports and a stop are no such
    change.
    """

    generation: int = 0
    champion: Slot | None = None
    canary: Slot | None = None
    percent: int = 0
    previous: Slot | None = None
    incoming: Slot | None = None  # on its way to be the champion of a restore
    annotations: Mapping[str, str] = field(default_factory=dict)
    gateway_port: int = 0
    stopped: bool = False
    serial: int = 0  # of the last process

    @property
    def slots(self) -> tuple[Slot, ...]:
        return tuple(slot for slot in (self.champion, self.canary, self.previous, self.incoming) if slot is not None)

    def fresh(self, model: ModelVersion) -> tuple["Wanted", Slot]:
        """A slot for a process that never was."""
        return replace(self, serial=self.serial + 1), Slot.of(f"predictor-{self.serial + 1:04d}", model)


class WantedState:
    """The document in a folder, changed by compare-and-swap."""

    def __init__(self, root: Path) -> None:
        self._store = FolderStore(root / "state")

    def read(self) -> Wanted:
        try:
            return parse(Wanted, self._store.get(_KEY).data, _KEY)
        except NotFound:
            return Wanted()

    def change(self, to: Callable[[Wanted], Wanted], *, expected: int | None = None) -> Wanted:
        """Write what `to` makes of it; what was written. `to` may be called again when somebody
        else was faster.

        Raises Conflict when the generation is not `expected`; None is for retreats, which need
        none.
        """
        while True:
            try:
                blob = self._store.get(_KEY)
                now, tag = parse(Wanted, blob.data, _KEY), blob.tag
            except NotFound:
                now, tag = Wanted(), None
            if expected is not None and now.generation != expected:
                raise Conflict(f"serving is at generation {now.generation}; expected {expected}: somebody changed it meanwhile")
            after = to(now)
            if after == now:
                return now
            try:
                self._write(after, tag)
            except Conflict:
                continue
            return after

    def _write(self, after: Wanted, tag: str | None) -> None:
        if tag is None:
            self._store.create(_KEY, encode(after))
        else:
            self._store.swap(_KEY, encode(after), tag)
