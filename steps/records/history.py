"""The facts that later heals have to know: quarantined spans and which of them people released,
acknowledged shifts and the releases of a model.
"""

from dataclasses import dataclass
from datetime import datetime

from modelmedic.steps.contracts.codec import encode, sha256
from modelmedic.steps.contracts.control import Acknowledgement, QuarantinedSpan, QuarantineRelease
from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.formats import parse
from modelmedic.steps.contracts.keys import acknowledged_key, quarantine_key, quarantine_release_key, release_key
from modelmedic.steps.contracts.ports import Clock, ObjectStore
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.records.documents import keep


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A span that was set aside, and its release; None while the quarantine stands. `digest` names
    the span in the store.
    """

    digest: str
    span: QuarantinedSpan
    release: QuarantineRelease | None = None


class History:
    """Reads and writes `quarantine/`, `acknowledged/` and `releases/` on `store`; nothing there is
    ever removed.
    """

    def __init__(self, store: ObjectStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def quarantine(
        self, model: str, window: Window, *, columns: tuple[str, ...] = (), reason: str, incident: str | None = None
    ) -> QuarantinedSpan:
        """Set a span aside; saying it twice for one incident changes nothing. What stands is
        returned.
        """
        digest = sha256(encode((window, columns, reason, incident)))
        span = QuarantinedSpan(model, window, columns, reason, incident, self._clock.now())
        return keep(self._store, quarantine_key(model, digest), span)[0]

    def quarantines(self, model: str) -> tuple[Quarantine, ...]:
        """Every span that was ever set aside, by its start."""
        folder = quarantine_key(model)
        keys = list(self._store.list(folder))
        spans = {key.removeprefix(folder).removesuffix(".json"): key for key in keys if "/" not in key.removeprefix(folder)}
        found = [self._quarantine(model, digest, key, keys) for digest, key in spans.items()]
        return tuple(sorted(found, key=lambda each: (each.span.window.start, each.span.window.end)))

    def quarantined_spans(self, model: str) -> tuple[QuarantinedSpan, ...]:
        """The spans that nobody has released, with columns and reasons, by their start."""
        return tuple(each.span for each in self.quarantines(model) if each.release is None)

    def quarantined(self, model: str) -> tuple[Window, ...]:
        """The windows that no training may touch, by their start."""
        return tuple(span.window for span in self.quarantined_spans(model))

    def release_quarantine(
        self, each: Quarantine, *, by: tuple[str, ...], reason: str, cause: Cause | None = None, version: str | None = None
    ) -> QuarantineRelease:
        """Count the rows of the span as good again. The first release stands, and is returned."""
        span, now = each.span, self._clock.now()
        release = QuarantineRelease(span.model, span.window, span.columns, reason, span.incident, now, by, cause, version)
        return keep(self._store, quarantine_release_key(span.model, each.digest), release)[0]

    def _quarantine(self, model: str, digest: str, key: str, keys: list[str]) -> Quarantine:
        released = quarantine_release_key(model, digest)
        span = parse(QuarantinedSpan, self._store.get(key).data, key)
        return Quarantine(digest, span, parse(QuarantineRelease, self._store.get(released).data, released) if released in keys else None)

    def acknowledge(
        self,
        model: str,
        *,
        model_version: str | None,
        columns: tuple[str, ...],
        reason: str,
        until: datetime,
        incident: str | None = None,
    ) -> Acknowledgement:
        """Let a shift of these columns alarm nobody until then; once per incident."""
        digest = sha256(encode((model_version, columns, reason, incident, until)))
        note = Acknowledgement(model, model_version, columns, reason, incident, self._clock.now(), until)
        return keep(self._store, acknowledged_key(model, digest), note)[0]

    def acknowledged(self, model: str) -> tuple[Acknowledgement, ...]:
        """Those that have not expired, the earliest end first."""
        keys = list(self._store.list(acknowledged_key(model)))
        notes = [parse(Acknowledgement, self._store.get(key).data, key) for key in keys]
        now = self._clock.now()
        return tuple(sorted((note for note in notes if now < note.until), key=lambda note: note.until))

    def documents(self, model: str, incident: str) -> tuple[str, ...]:
        """The keys of the spans and acknowledgements that the incident wrote."""
        laid = [quarantine_key(model, each.digest) for each in self.quarantines(model) if each.span.incident == incident]
        notes = list(self._store.list(acknowledged_key(model)))
        said = [key for key in notes if parse(Acknowledgement, self._store.get(key).data, key).incident == incident]
        return (*laid, *said)

    def record_release(self, model: str, release: Release) -> Release:
        """Write down that another version serves now; once per time and version."""
        return keep(self._store, release_key(model, release.at, release.version), release)[0]

    def releases(self, model: str) -> tuple[Release, ...]:
        """Oldest first."""
        keys = list(self._store.list(release_key(model)))
        return tuple(parse(Release, self._store.get(key).data, key) for key in keys)
