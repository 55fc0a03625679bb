"""The anchor of a trail: its last record's number and hash, kept outside of the store, so that a
store that was set back as a whole is seen; signed where there is a key.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final

from modelmedic.steps.core.records.chain import Head

NAME: Final = "audit_head"
_TEXT: Final = re.compile(r"(?P<sequence>[1-9][0-9]{0,7}):(?P<hash>[0-9a-f]{64})(?::(?P<signature>[0-9a-f]{64}))?")


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head as it was anchored. `fault` says why it is not to be believed; empty when it is."""

    head: Head
    fault: str = ""


def anchor_text(model: str, head: Head, key: bytes | None) -> str:
    signed = f":{_signature(model, head, key)}" if key else ""
    return f"{head.sequence}:{head.hash}{signed}"


def read_anchor(model: str, text: str, key: bytes | None) -> Anchor:
    """The anchor that a text states; with a key, one that does not carry its signature is at
    fault.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        return Anchor(Head(0, ""), "its anchor cannot be read; it was changed")
    head = Head(int(match["sequence"]), match["hash"])
    if key and not hmac.compare_digest(match["signature"] or "", _signature(model, head, key)):
        return Anchor(head, "its anchor is not signed with the key; it was changed, or written without the key")
    return Anchor(head)


def against(model: str, anchored: Anchor, length: int, found: str | None) -> str:
    """The fault of a trail of `length` records whose record at the anchor has the hash `found`;
    empty when the two agree.
    """
    head = anchored.head
    if anchored.fault:
        return f"the trail of {model} cannot be held against the registry: {anchored.fault}"
    if head.sequence > length:
        return f"the trail of {model} ends at record {length}, and the registry has seen record {head.sequence}: the store was set back"
    if found != head.hash:
        return f"record {head.sequence} of {model} is not the one that the registry has seen: the store was set back and went on"
    return ""


def _signature(model: str, head: Head, key: bytes) -> str:
    return hmac.new(key, f"{model}\n{head.sequence}\n{head.hash}".encode(), hashlib.sha256).hexdigest()
