"""One step as a container runs it: `python -m modelmedic.steps deploy --incident=flights-1a2b3c4d-1
--version=7 --outputs=/tmp/outputs`.

One flag per input, one file per output in the outputs folder, every declared output written on
every path that ends with exit code 0. A stage of a heal is told its incident; what runs beside
heals (steps/entrypoints.py) is not: `python -m modelmedic.steps monitor`. What is served, stored
and registered is told by the environment (steps/runtime/workspace.py).
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from modelmedic.steps.contracts.errors import BadInput, ModelmedicError
from modelmedic.steps.entrypoints import DOORS
from modelmedic.steps.heal.results import page_of
from modelmedic.steps.heal.steps import STEPS, call
from modelmedic.steps.runtime.run import Outputs

CLOSING = "close"
PAGE = "incident.html"


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("step", type=click.Choice((*STEPS, *DOORS)))
@click.option("--incident", help="The incident's id, for a stage of its heal.")
@click.option("--outputs", type=click.Path(path_type=Path, file_okay=False), help="Folder that gets one file per output.")
@click.pass_context
def main(ctx: click.Context, step: str, incident: str | None, outputs: Path | None) -> None:
    """Run one STEP; its inputs are flags of their own."""
    try:
        answer, page = _run(step, incident, inputs(ctx.args))
        write(answer, outputs, page)
    except ModelmedicError as error:
        click.echo(f"{step}: {error}", err=True)
        sys.exit(error.exit_code)


def _run(step: str, incident: str | None, given: Mapping[str, str]) -> tuple[Outputs, bytes | None]:
    """What the step answers, and the page for people that it leaves."""
    from modelmedic.steps.runtime.workspace import Workspace

    place = Workspace()
    if step in DOORS:
        if incident is not None:
            raise BadInput(f"step {step} is of no incident; expected no --incident, got {incident[:80]!r}")
        return DOORS[step](place, given, _say), None
    if incident is None:
        raise BadInput(f"step {step} is of one incident; expected --incident")
    run = place.run(incident, say=_say)
    return call(step, run, given), page_of(run) if step == CLOSING else None


def write(answer: Outputs, folder: Path | None, page: bytes | None = None) -> None:
    """`name=value` for each output on stdout, and a file each in the folder; the page beside them."""
    for name, value in answer.items():
        click.echo(f"{name}={value}")
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(value)
    if folder is not None and page is not None:
        (folder / PAGE).write_bytes(page)


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
