"""Templates rendered to HTML: every text is cleaned of characters that hide letters, cut to a
length and escaped.
"""

import re
from functools import cache
from typing import Any

from modelmedic.steps.reporting.pictures import text

_AUTONOMY = {
    "observe": "only watches, and says nothing",
    "suggest": "only says what it would do",
    "approve": "acts after a person's approval",
    "act": "acts by itself",
}
_TONES = {"info": "grey", "warning": "warn", "critical": "bad"}


def render(template: str, **values: Any) -> str:
    """The page of that template with these values. jinja2 is imported at the first call, because
    importing it is slow.
    """
    return str(_environment().get_template(template).render(**values))


def fragment(template: str, **values: Any) -> str:
    """The template's part of somebody else's HTML document, a notebook: styled by itself alone."""
    return render(template, style=_scoped_style(), **values)


@cache
def _scoped_style() -> Any:
    """The style of our pages, nested below the fragment's own element."""
    from markupsafe import Markup

    style = str(_environment().get_template("style.css.j2").render())
    nested = re.sub(r"(?<![\w.-])(:root|html|body)(?=\{)", "&", style)
    return Markup(f".modelmedic{{{nested}\nh1{{font-size:1.25rem}}}}")


@cache
def _environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("modelmedic.steps.reporting", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=text.number,
        signed=_signed,
        percent=text.percent,
        p_text=text.p_text,
        p_value=lambda value: text.p_text(value).lstrip(f"p={text.HARD}"),
        plain=text.plain,
        opening=text.opening,
        statistic=text.statistic,
        words=text.words,
        short=text.short,
        moment=text.moment,
        span=text.span,
        autonomy=lambda level: _AUTONOMY.get(level, ""),
        tone=lambda severity: _TONES.get(severity, "grey"),
    )
    return environment


def _finalize(value: Any) -> Any:
    """Clean any text that is not marked as safe; jinja2 escapes it afterwards."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return text.clean(value)
    return value


def _signed(value: float | None) -> str:
    return text.number(value) if value is None or value <= 0 else f"+{text.number(value)}"
