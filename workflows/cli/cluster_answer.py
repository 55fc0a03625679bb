"""The options by which a person answers through a cluster, and the proof that its API server gives
of who that is.
"""

from functools import partial

import click

from modelmedic.workflows.cli.proof import Proof

kube_option = click.option(
    "--kube", is_flag=True, envvar="MODELMEDIC_KUBE", help="Answer through KUBECONFIG's cluster as well; or set MODELMEDIC_KUBE."
)
namespace_option = click.option("--namespace", default="modelmedic", show_default=True, help="The namespace of the workflows, for --kube.")


def cluster_proof(namespace: str, incident: str, claimed: str | None, *, dry_run: bool) -> Proof:
    """The proof by the caller's own credentials, which a dry run does not give. Raises Refused
    where `claimed` is another user.
    """
    from modelmedic.steps.adapters.kube.answers import ClusterAnswers
    from modelmedic.steps.adapters.kube.client import connect
    from modelmedic.steps.approval.proof import unsigned
    from modelmedic.steps.contracts.errors import Refused

    answers = ClusterAnswers(connect(), namespace)
    user = answers.whoami()
    if claimed is not None and claimed != user:
        raise Refused(f"--by is {claimed}, and the cluster knows these credentials as {user}; expected {user}, or no --by")
    if dry_run:
        return Proof(unsigned, by=user, givers=lambda _incident, _document: (user,))
    return Proof(partial(answers.give, incident), by=user, givers=answers.givers)
