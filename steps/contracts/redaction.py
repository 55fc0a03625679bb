"""Secrets taken out of whatever leaves the program: records, messages, pages, metrics, errors, logs
and the terminal all ask here.

What is told by its looks is listed in secret_patterns; a text under a name that says `password` or
the like is one whatever it looks like. A secret that nothing tells from other text, such as a bare
word, stays.
"""

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from modelmedic.steps.contracts.secret_patterns import KINDS, SecretKind

REDACTED: Final = "[redacted]"
_KEY_LINE: Final = re.compile(r"\s*(?:[A-Za-z0-9+/=]{16,}|[A-Za-z0-9+/]+={1,2}|-----END.*)?\s*")
_LARGEST: Final = 2**53 - 1  # RFC 8785 has no larger integers
_SHORTEST: Final = 8  # characters of a text that could name and hold a secret
_SECRET_NAME: Final = re.compile(
    r"secret|token|passw|credential|authorization|cookie|api[-_ ]?key|access[-_ ]?key|private[-_ ]?key|signing[-_ ]?key", re.I
)


def redact_text(text: str) -> str:
    """The text with each secret in it replaced. What is redacted already stays as it is."""
    if len(text) < _SHORTEST:
        return text
    lower = _lower(text)
    for kind in KINDS:
        spans = _anchored(kind, text, lower) if kind.anchors else _scanned(kind, text, lower)
        if spans:
            text = _without(text, spans)
            lower = _lower(text)
    return text


class RunningText:
    """Text that comes in pieces, each a message or whole lines: a private key that one piece begins
    is redacted in the next ones too.
    """

    def __init__(self) -> None:
        self._within_key = False

    def redact(self, piece: str) -> str:
        shown = piece[self._key_length(piece) :] if self._within_key else piece
        begun = shown.rfind("-----BEGIN")
        self._within_key = "PRIVATE KEY" in shown[begun:] and "-----END" not in shown[begun:] if begun >= 0 else self._within_key
        return redact_text(shown)

    def _key_length(self, piece: str) -> int:
        """How many of the first characters go on with the key; with others the key has ended."""
        length = 0
        for line in piece.splitlines(keepends=True):
            if not _KEY_LINE.fullmatch(line):
                self._within_key = False
                break
            length += len(line)
        return length


def redact_texts(value: Any) -> Any:
    """Plain JSON types in, the same shape out, each text in it redacted; names stay."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {key: redact_texts(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact_texts(item) for item in value]
    return value


def redact(value: Any, name: str = "") -> Any:
    """Facts made fit for a record that is never deleted: plain JSON types in, the same shape out; a
    text under a name that sounds secret, or one that looks it, is replaced.

    Numbers, booleans and null are no secrets, so `tokens: 3` stays; NaN, infinities and integers
    beyond 2**53, which JSON's numbers cannot hold, become text.
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
        return REDACTED if _SECRET_NAME.search(name) else redact_text(value)
    return value


def _lower(text: str) -> str:
    """Lower case, each character at its place: there are letters whose lower case is two."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(char.lower() if char.isascii() else char for char in text)


def _anchored(kind: SecretKind, text: str, lower: str) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for anchor in kind.anchors:
        at = lower.find(anchor)
        while at >= 0:
            match = kind.pattern.match(text, at)
            if match:
                found.append(_secret(match))
            at = lower.find(anchor, match.end() if match else at + 1)
    return found


def _scanned(kind: SecretKind, text: str, lower: str) -> list[tuple[int, int]]:
    return [_secret(match) for match in kind.pattern.finditer(text)] if kind.within in lower else []


def _secret(match: re.Match[str]) -> tuple[int, int]:
    """The place of what must not be shown."""
    named = (match.span(name) for name in match.re.groupindex if name.startswith("secret"))
    return next((span for span in named if span[0] >= 0), match.span())


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """The text with each of the places, which may overlap, replaced."""
    parts, done = [], 0
    for start, end in sorted(spans):
        if start >= done:
            parts += [text[done:start], REDACTED]
        done = max(done, end)
    return "".join([*parts, text[done:]])
