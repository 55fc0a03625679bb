"""The types of single values in a policy: names, columns, texts, durations, moments and numbers,
with words for each.

`patternErrorMessage` is what VS Code and yaml-language-server show; the policy's own error
sentences quote it as well.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.window import format_duration, parse_duration, utc

NAME = r"^[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?$"  # a DNS label short enough for what is derived from it
COLUMN = r"^[A-Za-z0-9_][A-Za-z0-9_ .\-]{0,127}$"
DURATION = r"^([0-9]+[smhdw])+$"
KEY_PREFIX = r"^[A-Za-z0-9][A-Za-z0-9_.\-]*(/[A-Za-z0-9_][A-Za-z0-9_.\-]*)*$"  # no segment is empty or starts with a dot
ENTRYPOINT = r"^(builtin|[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*)$"
MEMORY = r"^[1-9][0-9]{0,5}(Mi|Gi)$"
ROWS = r"^[1-9][0-9]{1,8} rows$"
BASE_URL = r"^https?://[A-Za-z0-9.\-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/\-]*)?$"  # no credentials, no query
PUBLIC_KEY = (  # kinds that are neither broken nor as short as somebody made them
    r"^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com)"
    r" [A-Za-z0-9+/]{60,300}={0,2}$"
)
REGISTERED = r"^[A-Za-z0-9_][A-Za-z0-9_ .\-]{0,127}$"  # MLflow refuses / and :
OURS = frozenset(
    {
        "ageing",
        "comparisons",
        "hours",
        "incidents",
        "bootstrap",
        "control",
        "fleet",
        "outbox",
        "quarantine",
        "acknowledged",
        "releases",
        "leases",
        "audit",
        "reference",
        "verdicts",
        "models",
        "candidates",
        "changes",
        "snapshots",
        "policies",
        "reports",
        "notifications",
        "probe",
    }
)  # folders of the object store that hold the loop's own records

# The same as `_line` refuses, as far as a regular expression of JSON Schema can say it.
_LINE = r"""^$|^(?!.*(\{\{|\}\}))[^\s\-!-"$-')-/:-?\[-`{-~][^\x00-\x1f\x7f-\x9f"`\\\u2028-\u202e\u2066-\u2069]*$"""
_LINE_WORDS = "expected one printable line without {{ or }}, quotes or backslashes, starting with a letter or a digit"


def _matching(pattern: str, words: str) -> Any:
    return Field(pattern=pattern, json_schema_extra={"patternErrorMessage": f"expected {words}"})


def _line(value: Any) -> Any:
    if not isinstance(value, str) or value == "":
        return value
    outside = re.sub(r"(?<=\w)'(?=\w)", "", value)  # not a quote: O'Brien, the model's
    good = value.isprintable() and (value[0].isalnum() or value[0] in "#@(") and value == value.rstrip()
    if not good or re.search(r"\{\{|\}\}|[\"'`\\]", outside):
        raise ValueError(_LINE_WORDS)
    return value


def _public_key(value: str) -> str:
    """The key, if its base64 says the same kind as the word before it."""
    kind, _, text = value.partition(" ")
    try:
        blob = base64.b64decode(text, validate=True)
    except binascii.Error:
        blob = b""
    if blob[:4] != len(kind).to_bytes(4, "big") or blob[4 : 4 + len(kind)] != kind.encode():
        raise ValueError(f"expected the whole line of a public key of kind {kind}; this one is cut or of another kind")
    return value


def _free_prefix(value: str) -> str:
    first = value.partition("/")[0]
    if first in OURS:
        raise ValueError(f"expected a prefix outside {first}/, where the loop keeps its own records")
    return value


@dataclass(frozen=True)
class Span:
    """Marks a timedelta as a duration from `low` to `high`, both allowed, written as `30m`, `7d` or
    `1d12h`.
    """

    low: str
    high: str

    @property
    def words(self) -> str:
        return f"expected {self.low} to {self.high}: a number and a unit of s, m, h, d or w, such as 30m or 7d"

    def read(self, value: Any) -> timedelta:
        """Raises ValueError with the words of what is allowed."""
        try:
            span = parse_duration(value) if isinstance(value, str) else value
        except BadInput:
            raise ValueError(self.words) from None
        if not isinstance(span, timedelta):
            raise ValueError(self.words)
        if not parse_duration(self.low) <= span <= parse_duration(self.high):
            raise ValueError(f"expected {self.low} to {self.high}")
        return span

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.plain_serializer_function_ser_schema(format_duration, return_schema=core_schema.str_schema())
        return core_schema.no_info_plain_validator_function(self.read, serialization=text)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": DURATION, "patternErrorMessage": self.words}


def _moment(value: Any) -> Any:
    if not isinstance(value, str | date):  # pydantic would read a number as seconds since 1970
        raise ValueError("expected a date and time such as 2026-01-31T18:00:00Z")
    return value


def _day(value: Any) -> Any:
    if not isinstance(value, str | date) or isinstance(value, datetime):
        raise ValueError("expected a date such as 2026-01-31")
    return value


Memory = Annotated[str, _matching(MEMORY, "a size in Mi or Gi, such as 512Mi or 2Gi")]
RowCount = Annotated[str, _matching(ROWS, "a number of rows, such as 5000 rows")]
Text = Annotated[
    str,
    Field(max_length=300, json_schema_extra={"pattern": _LINE, "patternErrorMessage": _LINE_WORDS}),
    BeforeValidator(_line),
]
Who = Annotated[Text, Field(min_length=1)]
Name = Annotated[
    str,
    _matching(NAME, "1 to 53 lower-case letters, digits and dashes, starting and ending with a letter or a digit"),
]
Column = Annotated[
    str,
    _matching(COLUMN, "1 to 128 letters, digits, dots, dashes, underscores and spaces, starting with a letter, a digit or _"),
]
RegisteredName = Annotated[
    str,
    _matching(REGISTERED, "1 to 128 letters, digits, dots, dashes, underscores and spaces, starting with a letter, a digit or _"),
]
Prefix = Annotated[
    str,
    Field(max_length=256),
    _matching(KEY_PREFIX, "segments of letters, digits, dots, dashes and underscores between single slashes"),
    AfterValidator(_free_prefix),
]
Entrypoint = Annotated[str, Field(max_length=256), _matching(ENTRYPOINT, "package.module:function, or builtin")]
BaseUrl = Annotated[
    str,
    Field(max_length=300),
    _matching(BASE_URL, "an http or https address without credentials, such as http://alertmanager:9093"),
]
PublicKey = Annotated[
    str,
    _matching(PUBLIC_KEY, "a public SSH key (ed25519, ecdsa, or one of them on a security key) as in its .pub file, without the comment"),
    AfterValidator(_public_key),
]
Moment = Annotated[datetime, BeforeValidator(_moment), AfterValidator(utc)]
Day = Annotated[date, BeforeValidator(_day)]
Whole = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Flag = Annotated[bool, Field(strict=True)]
Share = Annotated[float, Field(strict=True, ge=0, le=1)]


def bytes_of(memory: str) -> int:
    """The bytes of a `Memory`."""
    return int(memory[:-2]) << (20 if memory.endswith("Mi") else 30)
