"""One command; its argument says how it ends."""

import click

from modelmedic.steps.contracts.errors import BadInput, Conflict, Refused


@click.command(short_help="End in some way.")
@click.argument("way")
def end(way: str) -> None:
    """End in the WAY that is asked for."""
    ways = {
        "input": BadInput("column \x1b[31mred\x07 is not there"),
        "race": Conflict("somebody else was first"),
        "refused": Refused("the model is frozen"),
        "interrupted": KeyboardInterrupt(),
        "bug": ZeroDivisionError("a bug"),
        "light": ModuleNotFoundError("No module named 'mlflow'", name="mlflow.tracking"),
        "stranger": ModuleNotFoundError("No module named 'nobody'", name="nobody"),
    }
    click.echo("the result")
    raise ways[way]
