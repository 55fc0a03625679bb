"""One step as a container runs it: `python -m modelmedic.steps deploy --incident=flights-1a2b3c4d-1
--version=7 --outputs=/tmp/outputs`.

One flag per input, one file per output in the outputs folder, every declared output written on
every path that ends with exit code 0. A stage of a heal is told its incident; an entry point beside
heals is not: `python -m modelmedic.steps monitor`. The store, the registry and the serving side are
told by the environment (steps/runtime/workspace.py).
"""

import sys
from pathlib import Path

import click

from modelmedic.steps.adapters.streams import redact_output
from modelmedic.steps.entrypoints import NAMES, parse_inputs, run, write
from modelmedic.steps.runtime.explained import explained


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("step", type=click.Choice(NAMES))
@click.option("--incident", help="The incident's id, for a stage of its heal.")
@click.option("--outputs", type=click.Path(path_type=Path, file_okay=False), help="Folder that gets one file per output.")
@click.pass_context
def main(ctx: click.Context, step: str, incident: str | None, outputs: Path | None) -> None:
    """Run one STEP; its inputs are flags of their own."""
    redact_output()
    try:
        answer, report = run(step, incident, parse_inputs(ctx.args), _say)
        write(answer, outputs, report)
    except Exception as error:
        known = explained(error)
        if known is None:
            raise
        click.echo(f"{step}: {known}", err=True)
        sys.exit(known.exit_code)


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)


if __name__ == "__main__":
    main()
