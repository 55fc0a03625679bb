"""One step as a container runs it: `python -m steps deploy --incident=flights-1a2b3c4d-1 --version=7 --outputs=/tmp/outputs`.

One flag per input of the stage, one file per output in the outputs folder, every declared output written on every path that
ends with exit code 0. What is served, stored and registered is told by the environment (steps/workspace.py).
"""

import sys
from pathlib import Path

import click

from steps.contracts.errors import BadInput, ModelmedicError
from steps.table import STEPS, call


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("step", type=click.Choice(STEPS))
@click.option("--incident", required=True, help="The incident's id.")
@click.option("--outputs", type=click.Path(path_type=Path, file_okay=False), help="Folder that gets one file per output.")
@click.pass_context
def main(ctx: click.Context, step: str, incident: str, outputs: Path | None) -> None:
    """Run one STEP of one incident; its inputs are flags of their own."""
    from steps.workspace import run_of

    try:
        answer = call(step, run_of(incident), _inputs(ctx.args))
    except ModelmedicError as error:
        click.echo(f"{step}: {error}", err=True)
        sys.exit(error.exit_code)
    for name, value in answer.items():
        click.echo(f"{name}={value}")
        if outputs is not None:
            outputs.mkdir(parents=True, exist_ok=True)
            (outputs / name).write_text(value)


def _inputs(arguments: list[str]) -> dict[str, str]:
    """`--name=value` tokens, one per input; a value may hold anything, for it is never split again."""
    inputs = {}
    for token in arguments:
        name, equals, value = token.removeprefix("--").partition("=")
        if not token.startswith("--") or not equals or not name:
            raise BadInput(f"argument is {token[:80]!r}; expected --input=value, one token for each input of the step")
        inputs[name.replace("-", "_")] = value
    return inputs


if __name__ == "__main__":
    main()
