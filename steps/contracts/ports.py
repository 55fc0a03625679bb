"""The seams through which the loop touches the world; `modelmedic.steps.adapters` implements each
of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

import pyarrow as pa

from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.notification import Notification
from modelmedic.steps.contracts.serving import Prediction, ServingState, Traffic
from modelmedic.steps.contracts.trace import Span
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.contracts.window import Window


@dataclass(frozen=True, slots=True)
class Blob:
    """An object's bytes and the tag (ETag) that a compare-and-swap expects."""

    data: bytes
    tag: str


class ObjectStore(Protocol):
    """A flat space of keys such as `incidents/flights-1a2b/000001/opened.json`; conditions hold
    between processes. `str` names its place for people: a folder, or `s3://bucket/prefix`.
    """

    def get(self, key: str) -> Blob:
        """Raises NotFound."""
        ...

    def create(self, key: str, data: bytes) -> str:
        """Write only if no such object exists; its tag. Raises Conflict when it does."""
        ...

    def swap(self, key: str, data: bytes, expected: str) -> str:
        """Write only if the object's tag is still `expected`; the new tag. Raises Conflict, or
        NotFound when it is gone.
        """
        ...

    def list(self, prefix: str, *, after: str = "") -> Iterator[str]:
        """Keys that start with `prefix` and sort behind `after`, in order."""
        ...

    def open(self, key: str) -> BinaryIO:
        """A seekable reader that fetches only what is read, so that Parquet is streamed. Raises
        NotFound.
        """
        ...

    def upload(self, key: str, source: Path) -> str:
        """Create from a local file of any size. Raises Conflict when the object exists."""
        ...


class Registry(Protocol):
    """One registered model in MLflow: its versions and the aliases champion, challenger and
    previous.
    """

    def alias(self, alias: str) -> str | None:
        """The version that the alias names now."""
        ...

    def move_alias(self, alias: str, version: str, *, expected: str | None) -> None:
        """Read, check, write, read back. Raises Refused when the alias is not at `expected`:
        somebody's newer value wins.
        """
        ...

    def register(
        self, model: Path, *, key: str, tags: Mapping[str, str], metrics: Mapping[str, float], params: Mapping[str, str] | None = None
    ) -> ModelVersion:
        """Register a model folder once per `key`: a second call with the same key answers the first
        one's version. `tags` name the rows by the digests of their snapshots, `params` say how it
        was trained.
        """
        ...

    def measure(self, version: str, numbers: Mapping[str, float], *, at: datetime, step: int) -> None:
        """Keep numbers that were measured while the version served beside its training, one point
        of each curve."""
        ...

    def attach(self, version: str, name: str, text: str) -> None:
        """Keep a page beside the version's training, for people, in the place of an earlier one of
        that name.
        """
        ...

    def version(self, version: str) -> ModelVersion:
        """Raises NotFound."""
        ...

    def versions(self) -> tuple[ModelVersion, ...]:
        """All versions, oldest first."""
        ...

    def remark(self, name: str) -> str | None:
        """A text of ours on the model itself, which no version has; None when there is none."""
        ...

    def set_remark(self, name: str, text: str) -> None:
        """Put a text of ours on the model itself, in the place of an earlier one. Raises NotFound
        before the first version.
        """
        ...

    def fetch(self, version: str, to: Path) -> Path:
        """The version's files in a local folder, digest verified."""
        ...


class Serving(Protocol):
    """The only access to what serves a model. Every change expects a generation and raises Conflict
    when it is stale.
    """

    def state(self) -> ServingState: ...

    def start(self, model: ModelVersion) -> ServingState:
        """The first champion; refused when one serves already, or what stands there is not ours."""
        ...

    def start_canary(self, model: ModelVersion, *, expected: int) -> ServingState:
        """Bring the challenger up dark (0 percent) and wait until it answers a real prediction with
        its version.
        """
        ...

    def set_share(self, percent: int, *, expected: int) -> ServingState: ...

    def promote(self, *, expected: int) -> ServingState:
        """The canary becomes the champion; the old champion is kept as `previous`."""
        ...

    def withdraw(self) -> ServingState:
        """Retreat: all traffic back to the champion, the canary ended. Needs no generation."""
        ...

    def restore(self, model: ModelVersion) -> ServingState:
        """Retreat: the recorded last good version serves all traffic again."""
        ...

    def annotate(self, facts: Mapping[str, str | None]) -> None:
        """Leave notes on the serving object itself, for when the object store is away; None takes
        one off.
        """
        ...

    def infer(self, rows: pa.Table, *, to: Literal["champion", "canary"], replay: bool = True) -> Prediction:
        """Ask one predictor directly, past the shares. Raises Transient when it does not answer,
        BadInput when it refuses the rows.
        """
        ...

    def traffic(self) -> Mapping[str, Traffic]:
        """Counters of `champion` and, while there is one, of `canary`. Raises Transient when they
        cannot be read.
        """
        ...


class ServiceHealth(Protocol):
    """The health of what serves a model, as its callers met it: requests, failures and times of one
    version in a span of time. Replays are left out.
    """

    def between(self, version: str, window: Window) -> Traffic | None:
        """The requests to the version in the window; None where nothing is known of it then. Raises
        Transient when whoever knows cannot be asked.
        """
        ...


class Windows(Protocol):
    """The inference log of one model, joined with the labels that are known by now; replays and
    quarantine are not its matter.
    """

    @property
    def unreadable(self) -> Mapping[str, str]:
        """The objects of log and labels that were met until now and left out, because they cannot
        be read, with the reason of each.
        """
        ...

    def batches(self, window: Window, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The logged rows whose time lies in the window, without labels, streamed in bounded
        memory; no order is promised.
        """
        ...

    def count(self, window: Window) -> int:
        """Logged rows in the window."""
        ...

    def table(self, window: Window, *, labelled_only: bool = False, limit: int | None = None) -> pa.Table:
        """The rows with the target column (null where no label is known at the clock's now), by
        time.

        More than `limit` rows are thinned evenly. The columns are there even when there is no row.
        """
        ...


class References(Protocol):
    """The reference that a model version is compared with; written once per version, so that a
    promotion switches it with the champion.
    """

    def keep(self, version: str, table: pa.Table) -> None:
        """`table` has the columns of `Windows.table`: labelled rows with this version's predictions
        of rows it never learnt from.
        """
        ...

    def table(self, version: str) -> pa.Table:
        """Raises NotFound."""
        ...

    def keep_replay(self, version: str, table: pa.Table) -> None:
        """Rows with the version's own answers, where the reference has its twin's."""
        ...

    def replay(self, version: str) -> pa.Table:
        """Rows with the answers that the version gives itself: those of `keep_replay`, else the
        reference. Raises NotFound.
        """
        ...


class Workflows(Protocol):
    """The engine that walks heals in a cluster. The Workflow of an incident is called
    `heal-<incident>`, so there is one and no second.
    """

    def start(self, template: str, incident: Incident, by: str) -> bool:
        """Have the template heal the incident, told nothing but its id; False when that was started
        before, by whomever.
        """
        ...

    def phase(self, incident: str) -> str | None:
        """The phase of its heal: Pending, Running, Succeeded, Failed or Error; None when there is
        none. Of several, one under way.
        """
        ...

    def answer(self, incident: str, stage: str, decision: str, by: str) -> bool:
        """Let every heal of the incident that waits at this approval go on with the decision; False
        when none waits there.
        """
        ...


class Notifier(Protocol):
    def notify(self, notification: Notification) -> None: ...


class EventSink(Protocol):
    """A receiver of events outside of the loop."""

    def send(self, event: Mapping[str, Any]) -> None:
        """Hand over one event, in JSON types. Raises Transient, BadInput or Refused when it was not
        taken.
        """
        ...


class LineageSink(Protocol):
    """A catalogue of lineage outside of the loop."""

    def send(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Hand over run events, in order. Raises Transient, BadInput or Refused at the first that
        is not taken; all of them may be handed over again.
        """
        ...


class TraceSink(Protocol):
    """A collector of traces outside of the loop."""

    def send(self, spans: Sequence[Span]) -> str:
        """Hand over the spans of one trace, and return what the collector says of those that it
        left out; empty where it took all. Raises Transient, BadInput or Refused.
        """
        ...


class Clock(Protocol):
    """Injected time: real on a machine, played in a simulation."""

    def now(self) -> datetime: ...

    def sleep(self, span: timedelta) -> None:
        """Return once `now` has moved on by the span; a simulation plays what happens meanwhile."""
        ...
