"""The options by which commands write an HTML page for people beside the result."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from modelmedic.steps.contracts.detection import Roles

report_option = click.option(
    "--report",
    "report",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.html",
    help="Write a report for people to this file.",
)

page_option = click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.html", help="Draw it on a page for people."
)


def write_page(report: Path, page: str, what: str = "report") -> None:
    """Write the page, or another text of this name, and say where. Raises BadInput where it cannot
    be written.
    """
    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.workflows.cli.console import safe, talk

    try:
        report.write_text(page, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"the {what} {report} cannot be written ({error.strerror or error})") from error
    talk().print(f"{what}: {safe(str(report))}")


def write_report(report: Path | None, reference: Path, current: Path, roles: "Roles", **opinion: Any) -> None:
    """Nothing without --report; `opinion` is what
    `modelmedic.steps.reporting.opinion_file.write_opinion` takes by name.
    """
    if report is None:
        return
    from modelmedic.steps.reporting.opinion_file import write_opinion
    from modelmedic.workflows.cli.console import safe, talk, working

    with working("drawing the report"):
        write_opinion(report, reference, current, roles, **opinion)
    talk().print(f"report: {safe(str(report))}")
