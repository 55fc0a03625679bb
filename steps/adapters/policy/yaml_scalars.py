"""The value of an unquoted YAML scalar: YAML 1.2's core schema and dates, without the texts that
YAML 1.1 reads as something else.
"""

import re
from datetime import date, datetime

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_SWITCH = frozenset({"yes", "no", "on", "off"})
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?((0|[1-9][0-9]{0,30})(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,4})?")
_NO_FLOAT = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})([Tt]|[ \t]+)([0-9]{1,2}):([0-9]{2}):([0-9]{2}).*")
_OLD_NUMBER = re.compile(
    r"[-+]?(0[0-9_]+|0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|[0-9][0-9_]*_[0-9_.]*|[0-9]+(:[0-5]?[0-9])+(\.[0-9_]*)?|[0-9]{19,})"
)
_FIRST = frozenset("+-.0123456789")


class Ambiguous(ValueError):
    """A scalar that two YAML readers may understand differently; its text is a sentence without a
    subject, to be put after the place.
    """


def plain_scalar(text: str) -> str | int | float | bool | date | datetime | None:
    """The value of an unquoted scalar. Raises Ambiguous for what two YAML readers may understand
    differently.
    """
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if text.lower() in _SWITCH:
        raise Ambiguous(f'says {text}, which some YAML readers take for a boolean; expected true or false, or quotes: "{text}"')
    return _number_or_text(text) if text[0] in _FIRST else text


def _number_or_text(text: str) -> str | int | float | date | datetime:
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) or _NO_FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    if _OLD_NUMBER.fullmatch(text):
        raise Ambiguous(f'says {text}, which YAML readers take for different numbers; expected a decimal number, or quotes: "{text}"')
    return _time(text) if _DAY.match(text) else text


def _time(text: str) -> str | date | datetime:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
        return datetime.fromisoformat(text) if _MOMENT.fullmatch(text) else text
    except ValueError as error:
        raise Ambiguous(f'says {text}, which is no date ({error}); expected one such as 2026-01-31, or quotes: "{text}"') from None
