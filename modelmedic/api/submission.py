"""`submit` for Python: a monitor, a heal or a bootstrap through the Argo server."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from modelmedic.steps.contracts.errors import BadInput, Conflict
from modelmedic.workflows.operations.submission import Ended, follow, request, service
from modelmedic.workflows.operations.submission import submit as send


@dataclass(frozen=True, slots=True)
class Submission:
    """A Workflow that was started, or one of its incident that was there; `ended` is None when
    nobody waited for its end.
    """

    workflow: str
    namespace: str
    started: bool  # False: it was there already, and was followed
    ended: Ended | None = None

    @property
    def outcome(self) -> str | None:
        """The outcome of the Workflow, such as `healed`; None while it is not known."""
        outputs = self.ended.outputs if self.ended else {}
        return outputs.get("outcome") or outputs.get("state") or None

    def __repr__(self) -> str:
        end = f"{self.ended.phase}, exit code {self.ended.code}" if self.ended else "not waited for"
        return f"Submission({self.namespace}/{self.workflow}: {end}{f', {self.outcome}' if self.outcome else ''})"

    def _repr_html_(self) -> str:
        from modelmedic.steps.reporting.render import fragment

        return fragment("notebook_submission.html.j2", submission=self)


def submit(
    what: Literal["monitor", "heal", "bootstrap"],
    model: str,
    *,
    incident: str | None = None,
    server: str | None = None,
    token: str | None = None,
    namespace: str = "modelmedic",
    verify: bool = True,
    wait: bool = True,
    say: Callable[[str], None] | None = None,
) -> Submission:
    """Start a monitor, a heal or a bootstrap of a model in the cluster, and wait for its end.

    `server` and `token` default to ARGO_SERVER and ARGO_TOKEN; `say` is told each node that
    changes. A heal whose incident has its Workflow already is followed, not started again.

    Raises BadInput for a wrong argument or what the server refuses, Transient when it is away.
    """
    wanted = request(what, model, incident)
    address = server or os.environ.get("ARGO_SERVER")
    if not address:
        raise BadInput("server is not given; expected an address such as https://argo.example.com, or ARGO_SERVER")
    argo = service(address, token or os.environ.get("ARGO_TOKEN"), verify=verify)
    try:
        name, started = send(argo, wanted, namespace), True
    except Conflict:
        name, started = wanted.run, False
    ended = None
    for said in follow(argo, name, namespace) if wait else ():
        if isinstance(said, Ended):
            ended = said
        elif say is not None:
            say(said)
    return Submission(name, namespace, started, ended)
