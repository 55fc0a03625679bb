"""modelmedic detect: what differs between two files."""

from pathlib import Path
from typing import Any

import click

from modelmedic.workflows.cli.options import role_options, roles_of
from modelmedic.workflows.cli.report_option import report_option, write_report


@click.command(short_help="Find the differences between two files.")
@click.argument("reference", type=click.Path(path_type=Path))
@click.argument("current", type=click.Path(path_type=Path))
@role_options
@report_option
def detect(reference: Path, current: Path, as_json: bool, report: Path | None, **options: Any) -> None:
    """Say what differs between REFERENCE and CURRENT (Parquet or CSV): broken data first, then
    drift, then the loss.

    Drift is a result, not an error: the exit code is 0.
    """
    from modelmedic.steps.detection.two_files import detect_files
    from modelmedic.workflows.cli.console import print_json, working

    roles = roles_of(options, reference, current)
    with working(f"comparing {current.name} with {reference.name}"):
        verdict = detect_files(reference, current, roles)
    write_report(report, reference, current, roles, verdict=verdict)
    if as_json:
        print_json(_plain(verdict))
    else:
        _show(verdict)


def _plain(value: Any) -> Any:
    """The object as the codec would write it, without what it imports, which takes longer than a
    small verdict.
    """
    import dataclasses
    from datetime import datetime
    from enum import Enum

    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _show(verdict: Any) -> None:
    from rich.markup import escape
    from rich.table import Table

    from modelmedic.workflows.cli.console import out

    console = out()
    console.print(f"[bold]{verdict.state.value}[/bold]: {escape(verdict.sentence)} ({verdict.rows} rows against {verdict.reference_rows})")
    for problem in verdict.problems:
        console.print(f"  [red]{problem.kind.value}[/red]  {escape(problem.detail)}")
    table = Table("column", "statistic", "effect", "threshold", "p (adjusted)", "", box=None)
    for shift in verdict.shifts[:20]:
        mark = "[red]drifted[/red]" if shift.shifted else ""
        bar = "█" * min(round(shift.effect / shift.threshold), 20)
        effect, p_value = f"{shift.effect:.3f}", f"{shift.p_value:.2g}"
        table.add_row(escape(shift.column), shift.statistic, effect, f"{shift.threshold:.3f}", p_value, f"{mark} {bar}")
    if verdict.shifts:
        console.print(table)
    for part in verdict.segments[:20]:
        where = escape(f"where {part.segment.column} is {part.segment.value} ({part.rows} rows)")
        shifted = [f"{escape(s.column)} drifted by {s.effect:.3f} (threshold {s.threshold:.3f}, p {s.p_value:.2g})" for s in part.shifts]
        risen = (
            [f"mean {part.performance.loss} from {part.performance.reference:.4g} to {part.performance.current:.4g}"]
            if part.performance
            else []
        )
        console.print(f"  [red]{where}[/red]: {'; '.join(risen + shifted)}")
