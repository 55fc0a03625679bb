"""Facts made fit for a record that is never deleted: no secrets, no numbers that JSON cannot
hold.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

REDACTED = "[redacted]"
_LARGEST = 2**53 - 1  # RFC 8785 has no larger integers
_SECRET_NAME = re.compile(
    r"secret|token|passw|credential|authorization|cookie|api[-_ ]?key|access[-_ ]?key|private[-_ ]?key|signing[-_ ]?key", re.I
)
_SECRET_TEXT = re.compile(
    r"(?P<url>[a-z][a-z0-9+.-]*://)[^/\s@]+@"  # user and password in a URL
    r"|\b(?:Bearer|Basic)\s+[A-Za-z0-9+/=._~-]{8,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"  # an AWS access key id
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----",
    re.I,
)


def redact(value: Any, name: str = "") -> Any:
    """Plain JSON types in, the same shape out; a text under a name that sounds secret, or one that
    looks it, is replaced.

    Numbers, booleans and null are no secrets, so `tokens: 3` stays; NaN, infinities and integers
    beyond 2**53 become text.
    """
    if isinstance(value, Mapping):
        return {str(key): redact(item, str(key) if not _SECRET_NAME.search(name) else name) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item, name) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and abs(value) > _LARGEST:
        return str(value)
    if isinstance(value, str):
        return REDACTED if _SECRET_NAME.search(name) else _SECRET_TEXT.sub(_without, value)
    return value


def _without(match: re.Match[str]) -> str:
    return f"{match['url']}{REDACTED}@" if match["url"] else REDACTED
