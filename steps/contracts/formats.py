"""The kinds of JSON documents that are kept, each with its key and its newest format, and how they
are written and read; used by records/ and shown by `modelmedic migrate`.

A document says its format in the field `format`. One without that field was written before formats
were: it has the first one. A new optional field needs no new format, because a reader passes over
fields that it does not know; a new format is for a change that an older reader would misunderstand.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeVar, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

from modelmedic.steps.contracts.codec import canonical, compact, decode, to_plain
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.redaction import redact_texts

T = TypeVar("T")

FORMAT: Final = "format"
FIRST: Final = 1


class NewerFormat(BadInput):
    """A document of a newer version of modelmedic, in a format that this one does not know."""


@dataclass(frozen=True, slots=True)
class Document:
    """One kind of document. In `key` each `<word>` stands for a part of a name without a slash."""

    name: str
    key: str
    newest: int = FIRST
    canonical: bool = True  # RFC 8785; without it, plain JSON


_UNKNOWN: Final = Document("document", "")

DOCUMENTS: Final = (
    Document("audit record", "audit/<model>/<number>.json", newest=2),  # the first: the record in an envelope with its own hash
    Document("head of the audit trail", "audit/<model>/head.json"),
    Document("last event sent", "outbox/<model>/sent.json"),
    Document("incident", "incidents/<model>/<epoch>/opened.json"),
    Document("stage result", "incidents/<model>/<epoch>/stages/<stage>.json"),
    Document("evidence", "incidents/<model>/<epoch>/evidence/<digest>.json"),
    Document("answer", "incidents/<model>/<epoch>/answers/<number>.json"),
    Document("closing", "incidents/<model>/<epoch>/closed.json"),
    Document("assessment", "incidents/<model>/<epoch>/effective.json"),
    Document("policy", "policies/<hash>.json"),
    Document("verdict", "verdicts/<model>/<version>/<time>.json"),
    Document("look at the ageing", "ageing/<model>/<time>.json"),
    Document("comparison of versions", "comparisons/<model>/<version>/<time>.json"),
    Document("scales of hours", "hours/<model>/<digest>/scales.json", canonical=False),
    Document("week of hours", "hours/<model>/<digest>/<week>.json", canonical=False),
    Document("expected losses", "hours/<model>/expected-losses.json"),
    Document("profile", "reference/<model>/<version>/profile-<digest>.json", newest=3, canonical=False),
    Document("thresholds", "reference/<model>/<version>/thresholds-<digest>.json"),
    Document("rows of the first training", "reference/<model>/first/taught.json"),
    Document("freeze", "control/freeze/<model>.json"),
    Document("opening of the fleet's breaker", "fleet/<number>.json"),
    Document("reset of the fleet's breaker", "control/fleet/<number>.json"),
    Document("restore of autonomy", "control/autonomy/<model>/<number>.json"),
    Document("quarantined span", "quarantine/<model>/<digest>.json"),
    Document("release of a quarantined span", "quarantine/<model>/<digest>/released.json"),
    Document("acknowledgement", "acknowledged/<model>/<digest>.json"),
    Document("release", "releases/<model>/<time>.json"),
    Document("change event", "changes/<model>/<time>.json"),
    Document("notification", "notifications/<model>/<incident>/<digest>.json"),
    Document("candidate", "candidates/<model>/<epoch>/<digest>.json"),
    Document("lease", "leases/<model>.json"),
    Document("spooled record", "spool.jsonl"),
    Document("local serving state", "serving.json"),
)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], Document], ...]:
    def pattern(key: str) -> re.Pattern[str]:
        return re.compile("".join("[^/]+" if part.startswith("<") else re.escape(part) for part in re.split(r"(<[a-z]+>)", key)))

    exact_first = sorted(DOCUMENTS, key=lambda document: document.key.count("<"))
    return tuple((pattern(document.key), document) for document in exact_first)


def document_at(key: str) -> Document | None:
    """The kind of document that lies under the key; None for rows, models, pages and whatever is
    not ours.
    """
    return next((document for pattern, document in _patterns() if pattern.fullmatch(key)), None)


def formatted(plain: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The document with its newest format, as it is written under the key."""
    return {FORMAT: (document_at(key) or _UNKNOWN).newest, **plain}


def format_of(plain: Any, key: str) -> int:
    """The format that the document states.

    Raises NewerFormat for one from the future, BadInput when it is no positive integer.
    """
    document = document_at(key) or _UNKNOWN
    stated = plain.get(FORMAT, FIRST) if isinstance(plain, Mapping) else FIRST
    if type(stated) is not int or stated < FIRST:
        raise BadInput(f"object {key} has the format {str(stated)[:20]!r}; expected an integer from {FIRST}")
    if stated > document.newest:
        raise NewerFormat(
            f"object {key} ({document.name}) has format {stated}, and this version of modelmedic reads up to {document.newest}; "
            "upgrade modelmedic to the version that wrote it, or a later one"
        )
    return stated


def parse(kind: type[T], data: bytes, key: str) -> T:
    """The value of a document. Fields that `kind` does not know are passed over.

    Raises NewerFormat for a format from the future, BadInput when the object holds something else.
    """
    try:
        plain = from_json(data)
        format_of(plain, key)
        if isinstance(plain, dict) and dict in (kind, get_origin(kind)) and not _states_format_itself(key):
            plain.pop(FORMAT, None)
            return decode(kind, compact(plain))
        return _lenient(kind, data, plain)
    except ValueError as error:
        document = document_at(key)
        name = document.name if document else getattr(kind, "__name__", "document")
        raise BadInput(f"object {key} is no {name} ({_first_fault(error)}); expected what modelmedic writes there") from error


def _lenient(kind: type[T], data: bytes, plain: Any) -> T:
    """The value; a strict kind such as Policy gets it without the fields that it would refuse."""
    try:
        return decode(kind, data)
    except ValidationError as error:
        strangers = [fault for fault in error.errors() if fault["type"] == "extra_forbidden"]
        if not strangers:
            raise
        for fault in strangers:
            _remove(plain, fault)
        return decode(kind, compact(plain))


def _remove(plain: Any, fault: ErrorDetails) -> None:
    *path, name = fault["loc"]
    for part in path:
        if isinstance(part, int) or part in plain:  # pydantic names the alternatives of a union in between
            plain = plain[part]
    plain.pop(name, None)


def _first_fault(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc']) or 'the document'}: {first['msg']}"


def _states_format_itself(key: str) -> bool:
    document = document_at(key)
    return document is not None and document.name == "profile"


def encoded(value: object, key: str) -> bytes:
    """The document as it is written under the key, with its format, and with its texts redacted; a
    policy is kept as it was given, because its hash is its name and pods work by it.
    """
    document = document_at(key)
    write = canonical if document is None or document.canonical else compact
    plain = to_plain(value)
    return write(formatted(plain if document is not None and document.name == "policy" else redact_texts(plain), key))
