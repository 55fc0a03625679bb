"""Values as text for people. Any text may come from data: characters that hide or reorder letters
are shown as escapes, long texts are cut.
"""

import math
from datetime import datetime, timedelta

from modelmedic.steps.contracts.redaction import redact_text
from modelmedic.steps.contracts.window import Window, utc

LONGEST = 700  # characters of a sentence
NOTHING = "\u2013"  # an en dash where there is no value
MINUS = "\u2212"
HARD = "\u00a0"  # a space at which no line breaks
THIN = "\u202f"  # a narrow space that does not break: between a number's thousands, and before its unit


def clean(text: str, longest: int = LONGEST) -> str:
    """Printable characters only, others as their escape, at most `longest` of them with an ellipsis
    for the rest, and no secrets.
    """
    head = redact_text(text)[: longest + 1]
    shown = "".join(char if char.isprintable() or char in (THIN, HARD) else " " if char in "\n\t" else ascii(char)[1:-1] for char in head)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def short(text: object, longest: int = 40) -> str:
    return clean(str(text), longest)


def statistic(name: str) -> str:
    return {"wasserstein/std": "Wasserstein distance / std", "jensen_shannon": "Jensen-Shannon distance"}.get(name, words(name))


def words(text: str) -> str:
    """A word of the records for people: `concept_drift` → concept drift, `alias.moved` → alias
    moved.
    """
    return clean(str(text), 80).replace("_", " ").replace(".", " ")


def number(value: float | int | None, digits: int = 3) -> str:
    """Three significant digits, thousands with a thin space, never in exponents unless tiny or
    huge.
    """
    if value is None:
        return NOTHING
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e9 or size < 1e-4:
        return f"{value:.2g}".replace("-", MINUS)
    if size >= 1000 or float(value).is_integer():
        return f"{value:,.0f}".replace(",", THIN).replace("-", MINUS)
    return f"{value:.{max(digits - 1 - math.floor(math.log10(size)), 0)}f}".replace("-", MINUS)


def plain(value: float) -> str:
    """A number as on an axis, without trailing zeros."""
    text = f"{value:.4g}" if 1e-4 <= abs(value) < 1e5 or value == 0 else f"{value:.2g}"
    return text.replace("-", MINUS)


def opening(text: str) -> str:
    """A sentence of a record with a capital letter, to begin a paragraph."""
    said = clean(text)
    return said[:1].upper() + said[1:]


def percent(share: float | None) -> str:
    """A share 0..1 as percent; small ones with a decimal."""
    if share is None or not math.isfinite(share):
        return NOTHING
    value = 100 * share
    if 0 < value < 0.1:
        return "< 0.1 %"
    return f"{value:.1f} %" if 0 < value < 10 else f"{value:.0f} %"


def p_text(value: float | None) -> str:
    if value is None:
        return NOTHING
    return f"p{HARD}<{HARD}0.0001" if value < 1e-4 else f"p{HARD}={HARD}{value:.2g}"


def moment(at: datetime | None) -> str:
    return f"{utc(at):%Y-%m-%d %H:%M}" if at else NOTHING


def day(at: datetime) -> str:
    return f"{utc(at):%-d %b %Y}"


def span(window: Window | None) -> str:
    if window is None:
        return NOTHING
    whole = all((t.hour, t.minute, t.second) == (0, 0, 0) for t in (window.start, window.end))
    last = window.end - timedelta(days=1)
    return f"{day(window.start)} to {day(last)}" if whole and last >= window.start else f"{moment(window.start)} to {moment(window.end)}"


def lasting(length: timedelta) -> str:
    """A length of time in its two largest units."""
    seconds = int(abs(length.total_seconds()))
    if seconds < 1:
        return "at once"
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{THIN}{unit}")
    return " ".join(parts[:2])
