"""Audit records that wait while the store is away: in a local file, and as notes on the serving
object, which outlives a pod.
"""

import contextlib
import fcntl
import json
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from modelmedic.steps.contracts.audit import Phase
from modelmedic.steps.contracts.codec import canonical, sha256, to_plain
from modelmedic.steps.contracts.formats import format_of, formatted
from modelmedic.steps.contracts.redaction import redact
from modelmedic.steps.contracts.window import utc
from modelmedic.steps.records.audit import SKEW, AuditTrail

_NOTE = "audit."  # with the record's id: the name of a note
_KEY = "spool.jsonl"  # by which contracts/formats knows these lines


class Spool:
    """One JSON line per record in `path`, appended whole and synced; safe between processes of one
    machine.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, line: Mapping[str, Any]) -> None:
        """Raises OSError when this machine cannot keep it."""
        with self._locked() as file:
            file.seek(0, os.SEEK_END)
            file.write(b"\n" + canonical(line))  # the newline comes first, so a torn line before it stays alone

    def __len__(self) -> int:
        return len(_lines(self.path.read_bytes())) if self.path.exists() else 0

    def flush(self, trail: AuditTrail) -> int:
        """Append what waits to the trail, each record once even when a flush was killed; how many
        were appended.

        Raises StoreError while the store is still away; nothing is lost then.
        """
        if not len(self):
            return 0
        with self._locked() as file:
            carried = _carry(trail, [_read(line) for line in _lines(file.read())])
            file.truncate(0)
        return carried

    @contextlib.contextmanager
    def _locked(self) -> Iterator[IO[bytes]]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            yield file
            file.flush()
            os.fsync(file.fileno())


def waiting(
    at: datetime, event: str, phase: Phase, *, incident: str | None, key: str | None, fence: int | None, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """A record as it waits, wherever it does: by its id it is carried over once."""
    line = {
        "id": uuid.uuid4().hex,
        "at": utc(at).isoformat(),
        "event": event,
        "phase": phase.value,
        "incident": incident,
        "key": key,
        "fence": fence,
        "facts": redact(to_plain(dict(facts))),
    }
    return formatted(line, _KEY)


def note(line: Mapping[str, Any]) -> dict[str, str]:
    """A record that waits, as the serving object keeps it."""
    return {f"{_NOTE}{line['id']}": canonical(line).decode()}


def flush_notes(trail: AuditTrail, notes: Mapping[str, str], annotate: Callable[[Mapping[str, str | None]], None]) -> int:
    """Append the records that wait on the serving object, each once, and take them off it. Raises
    StoreError as `Spool.flush`.
    """
    lines = {name: _read(text.encode()) for name, text in notes.items() if name.startswith(_NOTE)}
    if not lines:
        return 0
    carried = _carry(trail, list(lines.values()))
    annotate(dict.fromkeys(lines))
    return carried


def _carry(trail: AuditTrail, lines: list[dict[str, Any]]) -> int:
    """Append those that the trail does not have yet, and return how many. The same record may wait
    in both places.
    """
    known = _flushed(trail, lines)
    fresh = [line for line in lines if line["id"] not in known]
    for line in fresh:
        _append(trail, line)
    return len(fresh)


def _lines(text: bytes) -> list[bytes]:
    return [line for line in text.split(b"\n") if line]


def _append(trail: AuditTrail, line: dict[str, Any]) -> None:
    facts = {**line["facts"], "spooled": {"at": line["at"], "id": line["id"]}}
    phase = Phase(line["phase"])
    trail.append(line["event"], phase, incident=line["incident"], key=line["key"], fence=line["fence"], facts=facts)


def _flushed(trail: AuditTrail, lines: list[dict[str, Any]]) -> frozenset[str]:
    times = [datetime.fromisoformat(line["at"]) for line in lines if line["at"]]
    since = min(times) - SKEW if times else None
    return frozenset(record.facts["spooled"]["id"] for record in trail.latest(since) if "spooled" in record.facts)


def _read(text: bytes) -> dict[str, Any]:
    """A line that a power cut tore is kept as far as it goes, so that the trail says that something
    was there. Raises NewerFormat for a line of a later version.
    """
    try:
        line: dict[str, Any] = json.loads(text)
        format_of(line, _KEY)
    except ValueError:
        facts = {"text": text.decode(errors="replace")[:500]}
        nobody = dict.fromkeys(("at", "incident", "key", "fence"))
        line = {**nobody, "id": sha256(text), "event": "spool.damaged", "phase": Phase.NOTE.value, "facts": facts}
    return line
