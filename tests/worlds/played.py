"""A site on an in-memory store and played time, with whatever else a test gives it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.contracts.notification import Notification
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.runtime.run import Outputs, Run, Site
from tests.fakes.registry import FakeRegistry

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WINDOW = Window(NOW - timedelta(days=7), NOW)
PLAIN = {
    "apiVersion": "modelmedic.io/v1alpha1",
    "kind": "HealingPolicy",
    "metadata": {"name": "churn", "owner": "growth"},
    "serving": {"inferenceService": "churn"},
    "registry": {"name": "churn"},
    "data": {"task": "binary", "target": "left", "time": "at", "numeric": ["age"], "categorical": ["plan"]},
}


class Told:
    """Keeps what people were told."""

    def __init__(self) -> None:
        self.notifications: list[Notification] = []

    def notify(self, notification: Notification) -> None:
        self.notifications.append(notification)

    @property
    def events(self) -> list[str]:
        return [notification.event for notification in self.notifications]


def policy(**sections: Any) -> Policy:
    return Policy.model_validate({**PLAIN, **sections})


def site(work: Path, *, rules: Policy | None = None, clock: PlayedClock | None = None, **ports: Any) -> Site:
    """Ports that a test does not give are not there: touching one is an error of the test."""
    clock = clock or PlayedClock(NOW)
    absent: dict[str, Any] = dict.fromkeys(("serving", "windows", "references"))
    given = {"store": MemoryStore(), "notifier": Told(), "registry": FakeRegistry(work / "registry", "churn"), **absent, **ports}
    return Site(policy=rules or policy(), clock=clock, real=PlayedClock(NOW), actor="test", work=work, **cast(Any, given))


def run(at: Site, alert: str = "test") -> Run:
    incident, _ = at.ledger.open_incident(at.model, at.policy.hash, WINDOW, alert, {})
    return Run(at, incident)


class Steps:
    """Plays the steps: answers each with given outputs and records them, as a step does; keeps the
    order of the calls.
    """

    def __init__(self, answers: Mapping[str, Mapping[str, str] | Exception]) -> None:
        self._answers = answers
        self.called: list[str] = []
        self.inputs: dict[str, Mapping[str, str]] = {}

    def __call__(self, step: str, run: Run, inputs: Mapping[str, str]) -> Outputs:
        self.called.append(step)
        self.inputs[step] = inputs
        answer = self._answers[step]
        if isinstance(answer, Exception):
            raise answer
        if step != "close":
            run.site.ledger.record_stage(run.incident, step, {"outputs": dict(answer), "digest": answer.get("digest")})
        return answer
