"""modelmedic quarantine: the rows that are set aside, listed and released."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelmedic.workflows.cli.cluster_answer import cluster_proof, kube_option, namespace_option
from modelmedic.workflows.cli.group import Suggesting
from modelmedic.workflows.cli.proof import key_option, proof_of
from modelmedic.workflows.cli.store import by_option, dry_run_option, json_option, known_model, opened, person, store_options

if TYPE_CHECKING:
    from modelmedic.steps.approval.quarantine_release import GivenRelease
    from modelmedic.steps.records.history import Quarantine


@click.group(cls=Suggesting, short_help="List rows that are set aside, or release them.")
def quarantine() -> None:
    """List the rows that are set aside because they may be broken, or count them as good again."""


@quarantine.command("list", short_help="List what was set aside, and what people released.")
@click.argument("model", required=False)
@json_option
@store_options
def list_(model: str | None, as_json: bool, url: str | None, home: Path | None) -> None:
    """List the spans of rows of MODEL, or of every model, that were ever set aside: when, for which
    columns and why, and who released them.
    """
    from modelmedic.steps.adapters.clocks import SystemClock
    from modelmedic.steps.records.history import History
    from modelmedic.steps.records.known_models import models
    from modelmedic.workflows.cli.console import print_json

    store = opened(url, home, read_only=True)
    names = (known_model(store, model),) if model is not None else models(store)
    found = [each for name in names for each in History(store, SystemClock()).quarantines(name)]
    if as_json:
        print_json({"quarantines": found})
        return
    for each in found:
        _show(each)
    if not found:
        click.echo("nothing was set aside", err=True)


def _show(each: "Quarantine") -> None:
    from modelmedic.workflows.cli.console import out, safe

    span, release = each.span, each.release
    mark = "released" if release is not None else "[bold]set aside[/bold]"
    columns = ", ".join(span.columns) or "all columns"
    out().print(f"{mark}  {safe(span.model)}  {span.window}  {safe(columns)}  {safe(span.incident or 'by hand')}: {safe(span.reason)}")
    if release is not None:
        out().print(f"  by {safe(' and '.join(release.by))} at {release.at:%Y-%m-%dT%H:%MZ}: {safe(release.reason)}")


@quarantine.command(short_help="Count rows that were set aside as good again.")
@click.argument("policy", type=click.Path(path_type=Path))
@click.argument("incident", metavar="ID")
@by_option
@key_option
@kube_option
@namespace_option
@click.option("--why", required=True, help="The reason, in a sentence that is kept in the records.")
@dry_run_option
@json_option
@store_options
def release(
    policy: Path,
    incident: str,
    by: str | None,
    key: Path | None,
    kube: bool,
    namespace: str,
    why: str,
    dry_run: bool,
    as_json: bool,
    url: str | None,
    home: Path | None,
) -> None:
    """Count the rows that incident ID of POLICY's model set aside, or asked about, as good again:
    they may be learnt from, and the same fault of the same columns is not set aside again before
    another version serves.

    Refused (77) when the policy does not list you among its approvers, or nothing proves that you
    are one: none of your keys signed it or, where the cluster proves it, it was not given with
    --kube. Where it wants two persons, the second one runs the same command.
    """
    from modelmedic.steps.adapters.clocks import SystemClock
    from modelmedic.steps.adapters.policy.file import load_policy
    from modelmedic.steps.approval.quarantine_release import release as let_go
    from modelmedic.workflows.cli.console import print_json

    rules, store = load_policy(policy), opened(url, home, read_only=dry_run)
    proof, who = proof_of(key), person(by)
    if kube and rules.approval.kubernetes:
        proof = cluster_proof(namespace, incident, by, dry_run=dry_run)
        who = proof.by
    given = let_go(store, SystemClock(), rules, incident, by=who, why=why, sign=proof.sign, givers=proof.givers, dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, **_plain(given)})
        return
    _say(given, dry_run)


def _plain(given: "GivenRelease") -> dict[str, object]:
    return {"incident": given.incident, "spans": given.spans, "released": given.ruling.decision == "approved", "ruling": given.ruling}


def _say(given: "GivenRelease", dry_run: bool) -> None:
    from modelmedic.workflows.cli.console import out, safe

    done = given.ruling.decision == "approved"
    word = ("would be " if dry_run else "") + ("released" if done else "kept, and the answer is recorded" if not dry_run else "kept")
    out().print(f"{safe(given.incident)}: [bold]{word}[/bold] ({safe(given.ruling.sentence)})")
    for span in given.spans:
        out().print(f"  rows of  {span}")
    if done:
        out().print("  next     the next heal may learn from these rows; its gates judge what comes of it")
