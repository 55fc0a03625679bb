"""modelmedic event: changes beside a model, noted for whoever is told of its next incident."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelmedic.workflows.cli.group import Suggesting
from modelmedic.workflows.cli.place import place_options, policy_at, workspace
from modelmedic.workflows.cli.store import by_option, dry_run_option, json_option, person

if TYPE_CHECKING:
    from modelmedic.steps.contracts.change import ChangeEvent

_KINDS = ("job", "feature", "configuration", "source")


@click.group(cls=Suggesting, short_help="Note a change beside a model, or list those noted.")
def event() -> None:
    """Note what changed beside a model: a job, a feature, a setting, a source of its data. The
    diagnosis of an incident names the changes around its onset; they decide nothing.
    """


@event.command(short_help="Note a change.")
@click.argument("policy", type=click.Path(path_type=Path))
@click.argument("what")
@click.option("--kind", type=click.Choice(_KINDS), default="job", show_default=True, help="The kind of the change.")
@click.option("--at", type=click.DateTime(), help="When it took effect (UTC); now when left out.")
@click.option("--columns", default="", metavar="A,B", help="The columns that it touches.")
@click.option("--link", default="", metavar="URL", help="Where more can be read.")
@click.option("--all-models", is_flag=True, help="The change concerns every model of the store.")
@by_option
@dry_run_option
@json_option
@place_options
def note(
    policy: Path,
    what: str,
    kind: str,
    at: datetime | None,
    columns: str,
    link: str,
    all_models: bool,
    by: str | None,
    dry_run: bool,
    as_json: bool,
    home: Path | None,
    below: tuple[Path, ...],
    above: tuple[Path, ...],
) -> None:
    """Note WHAT changed beside POLICY's model, in one line. The same change again notes nothing
    new, so that a job that is tried again may run this again, if it says `--at`.
    """
    from modelmedic.steps.adapters.clocks import SystemClock
    from modelmedic.steps.contracts.change import ChangeEvent
    from modelmedic.steps.contracts.words import ChangeKind
    from modelmedic.steps.records.change_events import checked, note_change
    from modelmedic.workflows.cli.console import out, print_json, safe

    rules, clock = policy_at(policy, below, above), SystemClock()
    named = _columns(columns, rules.roles.features)
    changed = ChangeEvent(
        at.replace(tzinfo=UTC) if at is not None else clock.now().replace(microsecond=0),
        ChangeKind(kind),
        what,
        None if all_models else rules.name,
        named,
        person(by),
        link,
    )
    checked(changed)
    key, new = ("", True) if dry_run else note_change(workspace(home).store, clock, changed)
    if as_json:
        print_json({"event": changed, "key": key, "new": new, "dry_run": dry_run})
        return
    word = "would be noted" if dry_run else "noted" if new else "was noted before"
    out().print(f"[bold]{word}[/bold]: {_line(changed)}")
    if key:
        out().print(f"  key      {safe(key)}")


@event.command("list", short_help="List the changes of a span of time.")
@click.argument("policy", type=click.Path(path_type=Path))
@click.option("--since", type=click.DateTime(), help="From here on (UTC); the last 30 days when left out.")
@json_option
@place_options
def list_(policy: Path, since: datetime | None, as_json: bool, home: Path | None, below: tuple[Path, ...], above: tuple[Path, ...]) -> None:
    """List the changes noted for POLICY's model and for all models, oldest first."""
    from datetime import timedelta

    from modelmedic.steps.adapters.clocks import SystemClock
    from modelmedic.steps.contracts.window import Window
    from modelmedic.steps.records.change_events import changes
    from modelmedic.workflows.cli.console import out, print_json

    rules, now = policy_at(policy, below, above), SystemClock().now()
    start = since.replace(tzinfo=UTC) if since is not None else now - timedelta(days=30)
    found = changes(workspace(home, read_only=True).store, rules.name, Window(min(start, now), now + timedelta(seconds=1)))
    if as_json:
        print_json({"events": found})
        return
    for each in found:
        out().print(_line(each))
    if not found:
        click.echo(f"no change was noted since {start:%Y-%m-%d %H:%MZ}", err=True)


def _columns(text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    from modelmedic.steps.contracts.errors import BadInput

    named = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in named:
        if name not in known:
            raise BadInput(f"--columns names {name[:60]!r}, which is no column of the policy; expected some of {', '.join(known)}")
    return named


def _line(each: "ChangeEvent") -> str:
    from modelmedic.workflows.cli.console import safe

    of = f" of {safe(', '.join(each.columns))}" if each.columns else ""
    whose = safe(each.model) if each.model is not None else "all models"
    return f"{each.at:%Y-%m-%d %H:%MZ}  {whose}  {each.kind.value}{of}: {safe(each.what)} ({safe(each.by) or 'nobody named'})"
