"""modelmedic step: one stage of a heal by itself, as a pod would run it."""

from pathlib import Path

import click

from modelmedic.workflows.cli.place import say, workspace


@click.command(short_help="Run one stage of a heal by itself.", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("name", metavar="STEP")
@click.option("--incident", required=True, help="The incident's id.")
@click.option("--outputs", type=click.Path(path_type=Path, file_okay=False), help="The folder that gets one file per output.")
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="The workspace folder; default .modelmedic.")
@click.pass_context
def step(ctx: click.Context, name: str, incident: str, outputs: Path | None, home: Path | None) -> None:
    """Run STEP of one incident: diagnose, quarantine, rollback, retrain, validate, deploy, report
    or close.

    Inputs are flags of their own, such as --version=7 for deploy. Prints name=value for each
    output. Running a step twice changes nothing more.
    """
    from modelmedic.steps.entrypoints import parse_inputs, write
    from modelmedic.steps.heal.steps import call_alone

    write(call_alone(name, workspace(home).run(incident, say=say), parse_inputs(ctx.args)), outputs)
