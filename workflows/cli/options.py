"""The options with which both file commands learn what the columns are."""

from collections.abc import Callable
from typing import Any

import click

from steps.contracts.detection import Roles
from steps.contracts.words import Task

_OPTIONS = (
    click.option("--target", help="The label's column."),
    click.option("--prediction", help="The prediction's column: a probability (binary) or a value (regression)."),
    click.option("--time", help="Each row's time."),
    click.option("--version-column", "version", help="The model version that answered; model_version is recognised."),
    click.option("--id", "identity", help="The row's id; request_id is recognised."),
    click.option("--task", type=click.Choice([task.value for task in Task]), help="Told from the target when left out."),
    click.option("--categorical", multiple=True, help="A number column that holds codes; may be repeated."),
    click.option("--segment", "segments", multiple=True, help="A column to localise a cause in; may be repeated."),
    click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout."),
)


def role_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def roles_of(options: dict[str, Any]) -> Roles:
    """The roles that the options name; they are taken out of `options`."""
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
