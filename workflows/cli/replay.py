"""modelmedic replay: the past incidents of a model decided again by a changed policy."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelmedic.workflows.cli.place import policy_at
from modelmedic.workflows.cli.report_option import page_option, write_page
from modelmedic.workflows.cli.store import json_option, known_model, opened, store_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelmedic.steps.core.review.replay import Replayed

_FILE = click.Path(path_type=Path)


@click.command(short_help="Decide past incidents again by a changed policy.")
@click.argument("policy", type=_FILE)
@click.option("--against", type=_FILE, metavar="OLD", help="Compare with this policy; with what happened when left out.")
@click.option("--since", type=click.DateTime(), help="Only incidents that were opened from then on (UTC).")
@click.option("--check", is_flag=True, help="Exit code 65 when an incident ends otherwise, or in a way that is not known.")
@click.option("--defaults", "below", type=_FILE, multiple=True, help="Org-wide defaults under the policies; may be repeated.")
@click.option("--overlay", "above", type=_FILE, multiple=True, help="An environment's values over the policies; may be repeated.")
@page_option
@json_option
@store_options
def replay(
    policy: Path,
    against: Path | None,
    since: datetime | None,
    check: bool,
    below: tuple[Path, ...],
    above: tuple[Path, ...],
    report: Path | None,
    as_json: bool,
    url: str | None,
    home: Path | None,
) -> None:
    """Decide the past incidents of POLICY's model again: rules, autonomy, limits, gates, answers
    and canaries, by what the records hold of them. What was never measured, such as a challenger
    that was not taught, is said to be not known.
    """
    from modelmedic.steps.adapters.clocks import SystemClock
    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.steps.core.review.replay import replay as decide_again
    from modelmedic.steps.core.review.replay import unanswered
    from modelmedic.steps.reporting.replay import replay_page, unanswered_sentence
    from modelmedic.steps.review.past import past_incidents
    from modelmedic.workflows.cli.console import print_json

    rules = policy_at(policy, below, above)
    old = policy_at(against, below, above) if against is not None else None
    store = opened(url, home, read_only=True)
    past = past_incidents(store, SystemClock(), known_model(store, rules.name), since.replace(tzinfo=UTC) if since else None)
    rows = decide_again(past, rules, old)
    differing = unanswered(rules, [old] if old is not None else [each.policy for each in past])
    if report is not None:
        write_page(report, replay_page(rules.name, rows, differing, "under the other policy" if old else "as it was"))
    if as_json:
        print_json({"model": rules.name, "incidents": rows, "not_answered": differing})
    else:
        _show(rows, unanswered_sentence(differing))
    if check and any(row.otherwise or row.unknown for row in rows):
        click.get_current_context().exit(BadInput.exit_code)


def _show(rows: "Sequence[Replayed]", unanswered: str) -> None:
    from rich.table import Table

    from modelmedic.steps.reporting.replay import replay_sentence
    from modelmedic.workflows.cli.console import out, safe, talk, whole

    out().print(safe(replay_sentence(rows)))
    if unanswered:
        talk().print(safe(unanswered))
    changed = [row for row in rows if row.otherwise or row.unknown]
    if not changed:
        return
    table = Table(whole("incident", (row.incident for row in changed)), "cause", "before", "after", "because", box=None, pad_edge=False)
    for row in changed:
        before, after = (ending.value if ending else "not known" for ending in (row.before, row.after))
        table.add_row(*map(safe, (row.incident, row.cause.value, before, after, row.sentence)))
    out().print(table)
