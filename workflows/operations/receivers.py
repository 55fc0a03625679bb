"""A test message to everybody outside of the program whom a policy tells, and what each of them
answered; for `modelmedic notify test`.
"""

from collections.abc import Iterator

from modelmedic.steps.adapters.clocks import SystemClock
from modelmedic.steps.contracts.errors import ModelmedicError
from modelmedic.steps.contracts.notification import Notification, Severity
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import Notifier
from modelmedic.steps.runtime.workspace import Workspace
from modelmedic.workflows.operations.inspection import MISSING, OK, Inspection

EVENT = "notify.test"


def try_receivers(workspace: Workspace, policy: Policy) -> Iterator[Inspection]:
    """One answer for each receiver. The message has the least severity that the receiver gets."""
    places, now = workspace.places, SystemClock().now()
    shown = {"dashboard": places.dashboard(policy.name), "version": places.version(policy.registry.name, None)}
    least = {f"receiver {each.name}": Severity(each.severity) for each in policy.notify.receivers}
    for name, notifier in workspace.receivers(policy).items():
        severity = least.get(name, Severity.INFO)
        message = Notification(
            event=EVENT,
            model=policy.name,
            incident=None,
            severity=severity,
            to=policy.metadata.owner,
            summary=f"{policy.name}: a test message of modelmedic",
            description="Nothing has happened; somebody tries whether messages arrive.",
            at=now,
            links={title: link for title, link in shown.items() if link},
        )
        yield _answer(name, notifier, message)


def _answer(name: str, notifier: Notifier, message: Notification) -> Inspection:
    try:
        notifier.notify(message)
    except ModelmedicError as error:
        return Inspection(name, MISSING, str(error), "docs/telling-people.md has what each needs")
    return Inspection(name, OK, f"took a message of severity {message.severity.value}")
