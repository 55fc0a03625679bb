"""modelmedic approve and reject: a person's answer to a heal that waits for one."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from modelmedic.workflows.cli.cluster_answer import cluster_proof, kube_option, namespace_option
from modelmedic.workflows.cli.proof import document_option, key_option, proof_of, signature_option
from modelmedic.workflows.cli.store import by_option, dry_run_option, json_option, opened, person, reason_option, store_options

if TYPE_CHECKING:
    from modelmedic.steps.approval.answers import GivenAnswer
    from modelmedic.steps.contracts.policy import Policy
    from modelmedic.steps.contracts.ports import ObjectStore

_OPTIONS = (
    click.argument("incident", metavar="ID"),
    by_option,
    reason_option,
    key_option,
    signature_option,
    document_option,
    click.option("--policy", type=click.Path(path_type=Path), help="The policy's file; found in the store when left out."),
    kube_option,
    namespace_option,
    dry_run_option,
    json_option,
    store_options,
)


def _answer_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command(short_help="Approve a heal that waits for an answer.")
@_answer_options
def approve(**options: Any) -> None:
    """Approve what incident ID waits for. The approval is bound to the model that was judged and
    speaks for no other.

    Where the policy lists keys (approval.signers), sign it: with --key, or elsewhere, as in

      modelmedic approve ID --by NAME --document yes.json

      ssh-keygen -Y sign -f KEY -n modelmedic-approval yes.json

      modelmedic approve ID --by NAME --signature yes.json.sig

    Where the cluster is to prove who you are (approval.kubernetes), answer with --kube: you are who
    its API server knows you as.

    Refused (77) when nothing waits, when the request has expired, when the policy does not list you
    among its approvers or nothing proves that you are one, or when you started the heal.
    """
    _answer(True, **options)


@click.command(short_help="Reject a heal that waits for an answer.")
@_answer_options
def reject(**options: Any) -> None:
    """Reject what incident ID waits for. One rejection is enough, and it stands.

    Where the policy lists keys, it is signed like an approval.

    Refused (77) when nothing waits, when the request has expired, or when the policy does not list
    you among its approvers or none of your keys signed it.
    """
    _answer(False, **options)


def _answer(
    approved: bool,
    *,
    incident: str,
    by: str | None,
    reason: str,
    key: Path | None,
    signature: Path | None,
    document: BinaryIO | None,
    policy: Path | None,
    kube: bool,
    namespace: str,
    dry_run: bool,
    as_json: bool,
    url: str | None,
    home: Path | None,
) -> None:
    from modelmedic.steps.adapters.clocks import SystemClock
    from modelmedic.steps.adapters.policy.file import load_policy
    from modelmedic.steps.approval.answers import give, to_sign
    from modelmedic.workflows.cli.console import print_json

    store, clock = opened(url, home, read_only=dry_run or document is not None), SystemClock()
    named = load_policy(policy) if policy else None
    proof, who = proof_of(key, signature), person(by)
    if kube and document is None and _proved_by_the_cluster(store, incident, named):
        proof = cluster_proof(namespace, incident, by, dry_run=dry_run)
        who = proof.by
    if document is not None:
        document.write(to_sign(store, clock, incident, approved=approved, by=who, reason=reason, policy=named))
        return
    said = partial(give, approved=approved, by=who, reason=reason or proof.reason, policy=named, at=proof.at, dry_run=dry_run)
    with nullcontext() if dry_run else _alone(home, incident, who):
        given = said(store, clock, incident, sign=proof.sign, givers=proof.givers)
    if as_json:
        print_json(given)
    else:
        _show(given, dry_run, kube)
    if kube and not dry_run and given.ruling.decision != "waiting":
        _deliver(given, namespace)


def _proved_by_the_cluster(store: "ObjectStore", incident: str, named: "Policy | None") -> bool:
    from modelmedic.steps.adapters.clocks import SystemClock
    from modelmedic.steps.records.ledger import Ledger
    from modelmedic.steps.records.policies import policy_of

    rules = named or policy_of(store, Ledger(store, SystemClock()).find(incident))
    return rules.approval.kubernetes


def _alone(home: Path | None, incident: str, who: str) -> AbstractContextManager[None]:
    """One answer at a time. A heal that asks at its terminal meanwhile keeps nobody from it."""
    from modelmedic.steps.adapters.clocks import SystemClock
    from modelmedic.steps.contracts.keys import incident_place
    from modelmedic.steps.runtime.alone import alone
    from modelmedic.steps.runtime.workspace import Workspace

    incident_place(incident)  # raises BadInput before the text names a file
    file = Workspace(home).root / "locks" / f"answer-{incident}.lock"
    return alone(file, f"incident {incident}", "answered", who, SystemClock().now())


def _deliver(given: "GivenAnswer", namespace: str) -> None:
    """Lets the heal in the cluster go on. Called last: the answer stands even when the cluster
    cannot be reached.
    """
    import time

    from modelmedic.steps.adapters.kube.client import connect
    from modelmedic.steps.adapters.kube.workflows import ArgoWorkflows
    from modelmedic.steps.approval.answers import deliver
    from modelmedic.workflows.cli.place import say

    deliver(ArgoWorkflows(connect(), namespace), given, time.sleep)
    say(f"the heal in {namespace} goes on: {given.ruling.decision}")


def _show(given: "GivenAnswer", dry_run: bool, kube: bool) -> None:
    from modelmedic.workflows.cli.console import out, safe

    word = "approved" if given.answer.approved else "rejected"
    done = "would be " if dry_run else "was already " if given.number is None else ""
    out().print(f"{safe(given.incident)}: {done}[bold]{word}[/bold] by {safe(given.answer.by)}, about {safe(given.about)}")
    out().print(f"  then      {safe(given.ruling.sentence)}")
    if given.ruling.decision == "approved" and not kube:
        out().print(f"  next      modelmedic heal {safe(given.incident)}, or this command again with --kube for a heal in a cluster")
