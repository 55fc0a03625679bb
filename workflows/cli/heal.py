"""modelmedic heal: one incident, from diagnosis to its close; started or continued by hand."""

import contextlib
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelmedic.steps.contracts.words import Cause
from modelmedic.workflows.cli.place import place_options, policy_at, say, workspace
from modelmedic.workflows.cli.store import person

if TYPE_CHECKING:
    from modelmedic.steps.runtime.run import Run
    from modelmedic.steps.runtime.workspace import Workspace

_CAUSES = [cause.value for cause in Cause]


@click.command(short_help="Heal one incident, from diagnosis to its close.")
@click.argument("incident", required=False)
@click.option("--policy", type=click.Path(path_type=Path), help="Heal this policy's model: its open incident, or a new one by hand.")
@click.option("--take-up", "taken", is_flag=True, help="Do what INCIDENT suggested (autonomy suggest), in the name of --by.")
@click.option("--cause", type=click.Choice(_CAUSES), metavar="CAUSE", help="Heal INCIDENT, which ended without a cause, as this one.")
@click.option("--by", help="The person who starts it, and so may not approve it; your login name when left out.")
@click.option("--end", type=click.DateTime(), help="The end of the new incident's window (UTC); now when left out.")
@click.option("--dry-run", is_flag=True, help="Name what would be done; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@place_options
def heal(
    incident: str | None,
    policy: Path | None,
    taken: bool,
    cause: str | None,
    by: str | None,
    end: datetime | None,
    dry_run: bool,
    as_json: bool,
    home: Path | None,
    below: tuple[Path, ...],
    above: tuple[Path, ...],
) -> None:
    """Heal INCIDENT, or the model of --policy. A heal that was killed or waits for an answer goes
    on where it stopped.

    --take-up opens a new incident about the window of one that ended as suggested, in which the
    loop may do that; limits, gates and approvals hold. Refused (77) where nothing was suggested.

    --cause does the same for one that ended as insufficient_evidence, with the cause that --by
    knows: one of those that the diagnosis weighed.

    A "no" (no action, a rejected challenger) is a result: the exit code is 0. 75 means that the
    same command may go through later.
    """
    from modelmedic.steps.heal.engine import heal as walk

    place = workspace(home)
    if taken or cause:
        if policy is not None or end is not None or (taken and cause):
            raise click.UsageError("--cause and --take-up go alone, with the incident that ended and --by")
        run = _after(place, incident, cause, by, dry_run)
    else:
        run = _run(place, incident, policy, by, end, below, above, dry_run)
    if dry_run:
        _preview(run, as_json)
        return
    ended = walk(run, ask=_ask if sys.stdin.isatty() else _nobody)
    _show(run, ended.waiting_at, as_json)


def _run(
    place: "Workspace",
    incident: str | None,
    policy: Path | None,
    by: str | None,
    end: datetime | None,
    below: tuple[Path, ...],
    above: tuple[Path, ...],
    dry_run: bool,
) -> "Run":
    """The run of the named incident, of the model's open one, or of one that is opened now (only
    named in a dry run).
    """
    if (incident is None) == (policy is None):
        raise click.UsageError("name one incident (`modelmedic incidents --open` lists them), or a policy with --policy")
    if incident is not None:
        if end is not None:
            raise click.UsageError("--end is the end of a new incident's window; expected it with --policy, not with an incident")
        return place.run(incident, say=say)
    assert policy is not None
    from modelmedic.steps.incidents.opening import open_by_hand

    who = person(by) if by is not None else ""
    return open_by_hand(place.site(policy_at(policy, below, above), say=say), by=who, end=end, keep=not dry_run)


def _after(place: "Workspace", incident: str | None, cause: str | None, by: str | None, dry_run: bool) -> "Run":
    """The run that does what the ended incident suggested, or heals it as the cause that a person
    knows.
    """
    from modelmedic.steps.incidents.ruling import rule
    from modelmedic.steps.incidents.taking_up import take_up

    if incident is None:
        raise click.UsageError("--cause and --take-up need the incident that ended")
    ended = place.run(incident, say=say)
    if cause is None:
        return take_up(ended.site, ended.incident, person(by), keep=not dry_run)
    return rule(ended.site, ended.incident, Cause(cause), person(by), keep=not dry_run)


def _preview(run: "Run", as_json: bool) -> None:
    from modelmedic.steps.heal.diagnose import conclude
    from modelmedic.workflows.cli.console import out, print_json, safe

    found = conclude(run)
    remedy = found.decision.acted
    if as_json:
        print_json({"diagnosis": found.diagnosis, "decision": found.decision, "remedy": remedy})
        return
    out().print(f"[bold]{found.diagnosis.cause.value}[/bold] ({found.diagnosis.confidence:.0%} sure): {safe(found.diagnosis.sentence)}")
    out().print(f"  would do  [bold]{remedy.value}[/bold] ({safe(found.decision.sentence)})")


def _ask(run: "Run", stage: str) -> None:
    """Asks the person on the terminal who started the heal; an empty answer leaves it waiting."""
    import getpass

    from modelmedic.steps.approval.answers import give
    from modelmedic.steps.contracts.results import RetrainResult, ValidateResult
    from modelmedic.workflows.cli.console import safe, talk

    if run.site.policy.approval.signers:
        say(f"an answer has to be signed: `modelmedic approve {run.incident.id} --by NAME --key FILE`, or `modelmedic reject …`")
        return
    validated = run.result_if_any(ValidateResult) if stage == "approve" else None
    trained = run.result_if_any(RetrainResult) if stage == "approve" else None
    if trained is not None and trained.ablation is not None:
        talk().print(f"  {safe(trained.ablation.sentence)}")
    for gate in validated.validation.gates if validated is not None else ():
        talk().print(f"  {'✓' if gate.passed else '✗'} {safe(gate.sentence)}")
    said = click.prompt("Approve? yes, no, or Enter to decide later", default="", show_default=False, err=True).strip().lower()
    if said in ("y", "yes", "n", "no"):
        site, why = run.site, "answered on the terminal"
        with _said_instead():
            give(
                site.store, site.clock, run.incident.id, approved=said.startswith("y"), by=getpass.getuser(), reason=why, policy=site.policy
            )


@contextlib.contextmanager
def _said_instead() -> Iterator[None]:
    """Says why an answer does not count; the heal goes on waiting for one that does."""
    from modelmedic.steps.contracts.errors import Refused

    try:
        yield
    except Refused as error:
        say(f"{error}; the heal goes on waiting")


def _nobody(_run: "Run", _stage: str) -> None:
    return


def _show(run: "Run", waiting_at: str | None, as_json: bool) -> None:
    from modelmedic.steps.contracts.results import CloseResult
    from modelmedic.workflows.cli.console import out, print_json, safe

    closing = run.site.ledger.closing(run.incident)
    closed = run.result_if_any(CloseResult)
    if as_json:
        report = closed.report if closed else None
        print_json({"incident": run.incident.id, "waiting_at": waiting_at, "closing": closing, "report": report})
        return
    if closing is None:
        out().print(f"{safe(run.incident.id)} waits for an answer: `modelmedic approve {safe(run.incident.id)}` or `modelmedic reject …`")
        return
    out().print(f"[bold]{closing.outcome.value}[/bold]: {safe(closing.sentence)}")
    if closed and closed.report:
        out().print(f"  report    {safe(f'{run.site.store}/{closed.report}')}")
