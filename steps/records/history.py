"""The facts that later heals have to know: quarantined spans, acknowledged shifts and the releases
of a model.
"""

from datetime import datetime

from modelmedic.steps.contracts.codec import encode, sha256
from modelmedic.steps.contracts.control import Acknowledgement, QuarantinedSpan
from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.formats import parse
from modelmedic.steps.contracts.keys import acknowledged_key, quarantine_key, release_key
from modelmedic.steps.contracts.ports import Clock, ObjectStore
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.records.documents import keep


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

    def quarantined_spans(self, model: str) -> tuple[QuarantinedSpan, ...]:
        """The quarantined spans with columns and reasons, by their start."""
        keys = list(self._store.list(quarantine_key(model)))
        spans = [parse(QuarantinedSpan, self._store.get(key).data, key) for key in keys]
        return tuple(sorted(spans, key=lambda span: (span.window.start, span.window.end)))

    def quarantined(self, model: str) -> tuple[Window, ...]:
        """The windows that no training may touch, by their start."""
        return tuple(span.window for span in self.quarantined_spans(model))

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

    def record_release(self, model: str, release: Release) -> Release:
        """Write down that another version serves now; once per time and version."""
        return keep(self._store, release_key(model, release.at, release.version), release)[0]

    def releases(self, model: str) -> tuple[Release, ...]:
        """Oldest first."""
        keys = list(self._store.list(release_key(model)))
        return tuple(parse(Release, self._store.get(key).data, key) for key in keys)
