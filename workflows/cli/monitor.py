"""modelmedic monitor: the comparison of the current window with the reference."""

from datetime import datetime
from pathlib import Path

import click

from modelmedic.workflows.cli.place import place_options, policy_at, say, workspace


@click.command(short_help="Compare the current window with the reference; open an incident on an alarm.")
@click.argument("policy", type=click.Path(path_type=Path))
@click.option("--end", type=click.DateTime(), help="The end of the window (UTC); now when left out.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@place_options
def monitor(policy: Path, end: datetime | None, as_json: bool, home: Path | None, below: tuple[Path, ...], above: tuple[Path, ...]) -> None:
    """Compare POLICY's current window with its champion's reference, write the verdict down, open
    an incident if it persists.

    An alarm is a result, not an error: the exit code is 0.
    """
    from modelmedic.steps.contracts.window import utc
    from modelmedic.steps.detection.look import look_and_tell
    from modelmedic.workflows.cli.console import out, print_json, safe

    place = workspace(home)
    site = place.site(policy_at(policy, below, above), say=say)
    seen, _ = look_and_tell(site, place.metrics(site.work), utc(end) if end else None)
    if as_json:
        print_json(seen)
        return
    out().print(f"[bold]{seen.verdict.state.value}[/bold]: {safe(seen.sentence)}")
    if seen.incident:
        what = "opened now" if seen.opened else "is open"
        out().print(
            f"  incident {safe(seen.incident)} {what}: `modelmedic incidents {safe(seen.incident)}` says why, "
            f"`modelmedic heal {safe(seen.incident)}` heals it"
        )
