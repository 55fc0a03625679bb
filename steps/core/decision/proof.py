"""The document that a person signs to answer an approval request, and what is wrong with a
signature that no program need look at. Called by approval/proof.

A signature is OpenSSH's SSHSIG (PROTOCOL.sshsig in its source): it names its key, its namespace and
its hash, and says nothing of what it signs. So what is decided here is whether it could be good;
`ssh-keygen -Y verify` says whether it is.
"""

import base64
import binascii
import re
from typing import Any, Final

from modelmedic.steps.contracts.codec import canonical, to_plain
from modelmedic.steps.contracts.formats import FIRST, FORMAT
from modelmedic.steps.contracts.incident import Answer, Incident

NAMESPACE: Final = "modelmedic-approval"  # a signature that was made for anything else is none for us
_ARMOUR: Final = re.compile(r"-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)\n-----END SSH SIGNATURE-----\n?")
_LONGEST: Final = 4096  # characters; the longest that a listed kind of key makes has some 700
_MAGIC: Final = b"SSHSIG\x00\x00\x00\x01"
_HASHES: Final = (b"sha256", b"sha512")
_ED25519: Final = 64  # bytes of such a signature


def document(incident: Incident, stage: str, answer: Answer) -> bytes:
    """The canonical text (RFC 8785) of the answer: it speaks for one decision about one challenger,
    at one stage of one incident, by one person at one moment.
    """
    said: dict[str, Any] = {
        FORMAT: FIRST,
        "model": incident.model,
        "incident": incident.id,
        "opened_at": incident.opened_at,
        "stage": stage,
        "digest": answer.digest,
        "approved": answer.approved,
        "by": answer.by,
        "at": answer.at,
        "reason": answer.reason,
    }
    return canonical(to_plain(said))


def unfit(signature: str, keys: tuple[str, ...]) -> str:
    """The reason why the signature can be good for none of the keys; empty when it may be."""
    if not signature:
        return "it is not signed"
    found = _ARMOUR.fullmatch(signature) if len(signature) <= _LONGEST else None
    try:
        blob = base64.b64decode(found[1].replace("\n", ""), validate=True) if found else b""
        parts = _parts(blob.removeprefix(_MAGIC)) if blob.startswith(_MAGIC) else ()
    except (binascii.Error, ValueError):
        parts = ()
    if len(parts) != 5:
        return "its signature is no whole SSH signature"
    key, namespace, reserved, hashed, signed = parts
    if namespace != NAMESPACE.encode():
        return f"its signature was made for the namespace {namespace.decode('ascii', 'replace')[:40]!r}; expected {NAMESPACE}"
    known = next((each for each in keys if base64.b64decode(each.partition(" ")[2]) == key), None)
    if known is None:
        return "its signature is by a key that approval.signers does not list for that name"
    return (
        "" if not reserved and hashed in _HASHES and _fits(known.partition(" ")[0], signed) else "its signature is no whole SSH signature"
    )


def _parts(blob: bytes) -> tuple[bytes, ...]:
    """The length-prefixed strings of the blob. Raises ValueError where one is cut."""
    parts = []
    while blob:
        length = int.from_bytes(blob[:4], "big")
        if len(blob) < 4 + length or len(blob) < 4:
            raise ValueError("a string is cut")
        parts.append(blob[4 : 4 + length])
        blob = blob[4 + length :]
    return tuple(parts)


def _fits(kind: str, signed: bytes) -> bool:
    """True when the inner signature is of the key's kind, and of the length that its kind has."""
    length = int.from_bytes(signed[:4], "big")
    named, rest = signed[4 : 4 + length], signed[4 + length :]
    if named != kind.encode() or int.from_bytes(rest[:4], "big") > len(rest) - 4:
        return False
    return kind != "ssh-ed25519" or len(rest) == 4 + _ED25519
