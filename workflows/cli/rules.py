"""modelmedic rules: what the rules of a policy did, and what to change about them."""

import difflib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelmedic.workflows.cli.group import Suggesting
from modelmedic.workflows.cli.place import policy_at
from modelmedic.workflows.cli.report_option import page_option, write_page
from modelmedic.workflows.cli.store import json_option, known_model, opened, store_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelmedic.steps.core.review.proposals import Proposal
    from modelmedic.steps.core.review.rules import Review

_FILE = click.Path(path_type=Path)


@click.group(cls=Suggesting, short_help="Review the rules of a policy by what came of them.")
def rules() -> None:
    """Review the rules of a policy, the default ones too, by what came of them."""


@rules.command(short_help="Show what each rule did, and propose changes.")
@click.argument("policy", type=_FILE)
@click.option("--since", type=click.DateTime(), help="Only incidents that were opened from then on (UTC).")
@click.option("--propose", type=_FILE, metavar="FILE.patch", help="Write the proposals that change POLICY as a patch.")
@click.option("--defaults", "below", type=_FILE, multiple=True, help="Org-wide defaults under the policy; may be repeated.")
@click.option("--overlay", "above", type=_FILE, multiple=True, help="An environment's values over the policy; may be repeated.")
@page_option
@json_option
@store_options
def review(
    policy: Path,
    since: datetime | None,
    propose: Path | None,
    below: tuple[Path, ...],
    above: tuple[Path, ...],
    report: Path | None,
    as_json: bool,
    url: str | None,
    home: Path | None,
) -> None:
    """Show how often each rule of POLICY fired, what came of it, what it cost, and which harm no
    rule answered; then what should change, with the reason. A patch leaves every other line of the
    file as it is: `git apply FILE.patch`, after `modelmedic replay` has shown what it would have
    made of the past.
    """
    from modelmedic.steps.adapters.clocks import SystemClock
    from modelmedic.steps.core.review.proposals import propose as proposals_of
    from modelmedic.steps.core.review.rules import review as look_at
    from modelmedic.steps.reporting.rules import rules_page
    from modelmedic.steps.review.past import past_incidents
    from modelmedic.workflows.cli.console import print_json

    stated, clock = policy_at(policy, below, above), SystemClock()
    store = opened(url, home, read_only=True)
    begun = since.replace(tzinfo=UTC) if since else None
    past = past_incidents(store, clock, known_model(store, stated.name), begun)
    found = look_at(past, stated, clock.now())
    proposals = proposals_of(past, found, stated)
    if report is not None:
        write_page(report, rules_page(stated.name, found, proposals, begun))
    if propose is not None:
        _write_patch(propose, policy, proposals)
    if as_json:
        print_json({"model": stated.name, "review": found, "proposals": proposals})
    else:
        _show(found, proposals)


def _write_patch(patch: Path, policy: Path, proposals: "Sequence[Proposal]") -> None:
    """Write what the proposals change as a unified diff, and say how many they are."""
    from modelmedic.steps.adapters.policy.edit import with_rule, with_rule_fields
    from modelmedic.workflows.cli.console import talk

    was = now = policy.read_text(encoding="utf-8")
    changes = [each.change for each in proposals if each.change is not None]
    for change in changes:
        edited = with_rule(now, policy, change.fields) if change.new else with_rule_fields(now, policy, change.id, change.fields)
        now = edited
    named = policy.as_posix().lstrip("/")
    lines = difflib.unified_diff(was.splitlines(keepends=True), now.splitlines(keepends=True), f"a/{named}", f"b/{named}")
    write_page(patch, "".join(lines), "patch")
    talk().print(f"{len(changes)} of {len(proposals)} proposals change the policy")


def _show(found: "Review", proposals: "Sequence[Proposal]") -> None:
    from rich.table import Table

    from modelmedic.steps.reporting.pictures.decisions import words
    from modelmedic.steps.reporting.rules import review_sentence
    from modelmedic.workflows.cli.console import out, safe, whole

    out().print(safe(review_sentence(found, proposals)))
    shown = [rule for rule in found.rules if rule.own or rule.fired]
    ids = whole("rule", (rule.id for rule in shown))
    table = Table(ids, "remedy", "fired", "came of it", "trainings", "calls", "reviewed", box=None, pad_edge=False)
    for rule in shown:
        came = ", ".join(f"{count} {words(kind)}" for kind, count in rule.judged.items())
        seen = f"{rule.reviewed or 'never'}{', overdue' if rule.overdue else ''}" if rule.own else ""
        table.add_row(*map(safe, (rule.id, rule.remedy.value, str(rule.fired), came, str(rule.trainings), str(rule.pages), seen)))
    out().print(table)
    for each in found.missed:
        out().print(f"  missed: {safe(each.incident)} ({each.cause.value}): {safe(each.sentence)}")
    if proposals:
        out().print("\n[bold]Proposals[/bold]")
    for proposal in proposals:
        out().print(f"  {safe(proposal.sentence)}")
