"""modelmedic diagnose: the cause of a difference between two files, and its remedy."""

from pathlib import Path
from typing import Any

import click

from modelmedic.workflows.cli.options import role_options, roles_of, span_of
from modelmedic.workflows.cli.report_option import report_option, write_report


@click.command(short_help="Find the cause of a difference between two files, and its remedy.")
@click.argument("reference", type=click.Path(path_type=Path))
@click.argument("current", type=click.Path(path_type=Path))
@role_options
@click.option("--season", help="The period after which the data repeats, such as 7d or 52w.")
@report_option
def diagnose(reference: Path, current: Path, as_json: bool, season: str | None, report: Path | None, **options: Any) -> None:
    """Find the cause for which CURRENT differs from REFERENCE (Parquet or CSV), with evidence,
    runners-up and the remedy.

    Without --target and --prediction only the inputs can be judged; with --time the season and the
    onset can be told too.
    """
    from modelmedic.steps.contracts.diagnosis import Context
    from modelmedic.steps.detection.two_files import diagnose_files
    from modelmedic.workflows.cli.console import print_json, working

    context = Context(season=span_of("--season", season, "1h", "3650d") if season is not None else None)
    roles = roles_of(options, reference, current)
    with working(f"comparing {current.name} with {reference.name}"):
        diagnosis, decision = diagnose_files(reference, current, roles, context)
    write_report(report, reference, current, roles, diagnosis=diagnosis, decision=decision)
    if as_json:
        print_json(_plain(diagnosis, decision))
    else:
        _show(diagnosis, decision)


def _plain(diagnosis: Any, decision: Any) -> dict[str, Any]:
    from modelmedic.steps.contracts.codec import to_plain

    remedy = {"remedy": decision.remedy.value, "rule": decision.rule, "needs_approval": decision.needs_approval}
    return {**to_plain(diagnosis), **remedy}


def _show(diagnosis: Any, decision: Any) -> None:
    from rich.markup import escape

    from modelmedic.workflows.cli.console import out

    console = out()
    console.print(f"[bold]{diagnosis.cause.value}[/bold] ({diagnosis.confidence:.0%} sure): {escape(diagnosis.sentence)}")
    if diagnosis.columns:
        console.print(f"  columns   {escape(', '.join(diagnosis.columns[:8]))}")
    if diagnosis.segment:
        console.print(f"  segment   {escape(diagnosis.segment.column)} = {escape(diagnosis.segment.value)}")
    if diagnosis.onset:
        console.print(f"  since     {diagnosis.onset:%Y-%m-%d %H:%M} UTC")
    console.print(f"  remedy    [bold]{decision.remedy.value}[/bold] ({escape(decision.sentence)})")
    for evidence in diagnosis.evidence:
        console.print(f"  evidence  {escape(evidence.sentence)}")
    for other in diagnosis.runners_up:
        console.print(f"  or        {other.cause.value} ({other.confidence:.0%}): {escape(other.sentence)}")
