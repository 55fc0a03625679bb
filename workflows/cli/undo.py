"""modelmedic undo: a person takes back what a heal did."""

from pathlib import Path

import click

from modelmedic.workflows.cli.store import by_option, dry_run_option, json_option, person, reason_option


@click.command(short_help="Undo a heal: the version before it serves again.")
@click.argument("incident", metavar="ID")
@by_option
@reason_option
@dry_run_option
@json_option
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="The workspace folder; default .modelmedic.")
def undo(incident: str, by: str | None, reason: str, dry_run: bool, as_json: bool, home: Path | None) -> None:
    """Let the version that served before incident ID serve again, and move the alias after it. It
    is recorded, and the owner is told.

    Refused (77) while a heal of the model is open, or when somebody moved the alias since. The loop
    may heal again at the next alert: `modelmedic freeze` holds it back.
    """
    from modelmedic.steps.rollout.undo import undo as take_back
    from modelmedic.workflows.cli.console import out, print_json, safe
    from modelmedic.workflows.cli.place import say, workspace

    sentence = take_back(workspace(home).run(incident, say=say), by=person(by), reason=reason, dry_run=dry_run)
    if as_json:
        print_json({"incident": incident, "sentence": sentence, "done": not dry_run})
    else:
        out().print(f"{'would do: ' if dry_run else ''}{safe(sentence)}")
