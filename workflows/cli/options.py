"""The options by which both file commands learn the roles of columns, and the reading of spans that
people type.
"""

import difflib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from modelmedic.steps.contracts.detection import Roles

TASKS = ("binary", "regression")
_MOST_NAMES = 20  # of a table's columns that an error names

_OPTIONS = (
    click.option("--target", help="The label's column."),
    click.option("--prediction", help="The prediction's column: a probability (binary) or a value (regression)."),
    click.option("--time", help="The column with each row's time."),
    click.option("--version-column", "version", help="The column with the model version that answered; model_version is recognised."),
    click.option("--id", "identity", help="The column with each row's id; request_id is recognised."),
    click.option("--task", type=click.Choice(TASKS), help="The kind of task; told from the target when left out."),
    click.option("--categorical", multiple=True, help="A number column that holds codes; may be repeated."),
    click.option("--segment", "segments", multiple=True, help="A column to localise a cause in; may be repeated."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout."),
)
_FLAGS = {
    "target": "--target",
    "prediction": "--prediction",
    "time": "--time",
    "version": "--version-column",
    "identity": "--id",
    "categorical": "--categorical",
    "segments": "--segment",
}


def role_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def roles_of(options: dict[str, Any], *files: Path) -> "Roles":
    """The roles that the options name, taken out of `options`. Raises BadInput for a column that
    none of the files has.
    """
    from modelmedic.steps.adapters.tables.header import columns_of
    from modelmedic.steps.contracts.detection import Roles
    from modelmedic.steps.contracts.words import Task

    known = tuple(dict.fromkeys(name for file in files for name in columns_of(file)))
    named = [(flag, name) for option, flag in _FLAGS.items() for name in _names(options[option])]
    check_columns(named, known, "is in neither " + " nor ".join(str(file) for file in files))
    task = options.pop("task")
    return Roles(
        task=Task(task) if task else None,
        target=options.pop("target"),
        prediction=options.pop("prediction"),
        time=options.pop("time"),
        version=options.pop("version"),
        id=options.pop("identity"),
        categorical=options.pop("categorical"),
        segments=options.pop("segments"),
    )


def check_columns(named: list[tuple[str, str]], known: tuple[str, ...], absent: str) -> None:
    """`named` are flags with the columns that they were given. Raises BadInput for a stranger, or
    one column in two parts.

    `absent` says what is wrong with a stranger: `is not in data.csv`.
    """
    from modelmedic.steps.contracts.errors import BadInput

    for flag, name in named:
        if name not in known:
            lower = {column.lower(): column for column in known}
            near = difflib.get_close_matches(name.lower(), lower, n=1)
            hint = f"did you mean {lower[near[0]]!r}? (columns: {listed(known)})" if near else f"the columns are {listed(known)}"
            raise BadInput(f"{flag} names {name!r}, which {absent}; {hint}")
    single = Counter(name for flag, name in named if flag not in ("--categorical", "--segment"))
    for name, count in single.items():
        if count > 1:
            flags = " and ".join(flag for flag, other in named if other == name)
            raise BadInput(f"{flags} name the same column {name!r}; expected one part for each column")


def listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    return f"{shown} and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else shown


def _names(value: str | tuple[str, ...] | None) -> Iterator[str]:
    yield from (value,) if isinstance(value, str) else value or ()


def span_of(flag: str, text: str, low: str, high: str) -> timedelta:
    """A duration that a person typed, such as 7d. Raises BadInput that names the flag and what is
    allowed.
    """
    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.steps.contracts.policy_types import Span

    span = Span(low, high)
    try:
        return span.read(text)
    except ValueError:
        raise BadInput(f"{flag} is {text!r}; {span.words}") from None
