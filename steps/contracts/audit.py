"""One link of the audit trail."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

MESSAGE_LOST: Final = "notification.failed"  # the event of a message that somebody who is to be told did not take


class Phase(StrEnum):
    INTENT = "intent"  # written before an effect
    OUTCOME = "outcome"  # written after it, with what was read back
    FAILURE = "failure"  # the effect was tried and is known not to have happened
    NOTE = "note"  # a decision without an effect, "did nothing" among them


@dataclass(frozen=True, slots=True)
class Record:
    """`previous` is the hash of the record before, so that one changed byte is found. `documents`
    are those that the record vouches for, by their keys, each with the sha256 of its object.
    """

    sequence: int
    previous: str
    at: datetime
    model: str
    incident: str | None
    actor: str
    event: str  # noun.participle: drift.measured, gate.failed, alias.moved
    phase: Phase
    key: str | None = None  # the effect's idempotency key
    fence: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)
