"""modelmedic notify: whether people can be told."""

from pathlib import Path

import click

from modelmedic.workflows.cli.group import Suggesting
from modelmedic.workflows.cli.place import place_options, policy_at, workspace


@click.group(cls=Suggesting, short_help="Try whether messages reach people.")
def notify() -> None:
    """Try whether messages reach the people whom a policy tells."""


@notify.command(short_help="Send a test message to everybody whom POLICY tells.")
@click.argument("policy", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@place_options
def test(policy: Path, as_json: bool, home: Path | None, below: tuple[Path, ...], above: tuple[Path, ...]) -> None:
    """Send a test message to the Alertmanager and to each receiver of notify.receivers, and say
    what each of them answered.

    Exit code 75 when one of them took no message, 65 when nobody is named.
    """
    from modelmedic.steps.contracts.errors import BadInput, Transient
    from modelmedic.workflows.cli.console import print_json
    from modelmedic.workflows.operations.inspection import OK, plain
    from modelmedic.workflows.operations.receivers import try_receivers

    answers = list(try_receivers(workspace(home, read_only=True), policy_at(policy, below, above)))
    if as_json:
        print_json({"ok": all(each.state == OK for each in answers), "answers": plain(answers)})
    for each in () if as_json else answers:
        click.echo(f"{'told' if each.state == OK else 'not told':<9} {each.subject}: {each.sentence}")
    if not answers:
        raise BadInput(f"{policy} names nobody to tell; expected notify.receivers, notify.alertmanager or MODELMEDIC_ALERTMANAGER")
    if failed := [each.subject for each in answers if each.state != OK]:
        raise Transient(f"{len(failed)} of {len(answers)} took no message: {', '.join(failed)}")
