"""One step as a container runs it: `python -m steps deploy --incident=flights-1a2b3c4d-1 --version=7 --outputs=/tmp/outputs`.

One flag per input of the stage, one file per output in the outputs folder, every declared output written on every path that
ends with exit code 0. What is served, stored and registered is told by the environment (steps/workspace.py).
"""

import sys
from pathlib import Path

import click

from steps.contracts.errors import BadInput, ModelmedicError
from steps.run import Outputs
from steps.table import STEPS, call


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("step", type=click.Choice(STEPS))
@click.option("--incident", required=True, help="The incident's id.")
@click.option("--outputs", type=click.Path(path_type=Path, file_okay=False), help="Folder that gets one file per output.")
@click.pass_context
def main(ctx: click.Context, step: str, incident: str, outputs: Path | None) -> None:
    """Run one STEP of one incident; its inputs are flags of their own."""
    from steps.workspace import Workspace

    try:
        write(call(step, Workspace().run(incident, say=_say), inputs(ctx.args)), outputs)
    except ModelmedicError as error:
        click.echo(f"{step}: {error}", err=True)
        sys.exit(error.exit_code)


def write(answer: Outputs, folder: Path | None) -> None:
    """`name=value` for each output on stdout, and a file each in the folder."""
    for name, value in answer.items():
        click.echo(f"{name}={value}")
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(value)


def inputs(arguments: list[str]) -> dict[str, str]:
    """`--name=value` tokens, one per input; a value may hold anything, for it is never split again."""
    given = {}
    for token in arguments:
        name, equals, value = token.removeprefix("--").partition("=")
        if not token.startswith("--") or not equals or not name:
            raise BadInput(f"argument is {token[:80]!r}; expected --input=value, one token for each input of the step")
        given[name.replace("-", "_")] = value
    return given


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)


if __name__ == "__main__":
    main()
