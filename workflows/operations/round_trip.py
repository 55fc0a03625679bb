"""A test alert on its way: posted to Alertmanager, seen again as a Workflow of triage, which opens
nothing for it.
"""

import time
from collections.abc import Callable
from typing import Final

from modelmedic.steps.contracts.errors import Transient
from modelmedic.workflows.inputs.platform import Platform
from modelmedic.workflows.monitoring.alert_rules import HEAL_LABEL
from modelmedic.workflows.operations.doctor import MISSING, OK, Answer
from modelmedic.workflows.operations.kubectl import Kubectl

NAME: Final = "ModelmedicRoundTrip"
_TRIES: Final = 40
_EVERY: Final = 3.0


def round_trip(
    kubectl: Kubectl, platform: Platform, post: Callable[[list[dict[str, object]]], None], sleep: Callable[[float], None] = time.sleep
) -> Answer:
    """`post` hands alerts to Alertmanager's API. Waits two minutes; the alert is of no model, so
    that triage refuses it.
    """
    before = _triages(kubectl, platform)
    labels = {"alertname": NAME, HEAL_LABEL: "heal", "severity": "none", "model": "round-trip-of-doctor"}
    try:
        post([{"labels": labels, "annotations": {"summary": "A test of the way from Alertmanager to triage."}}])
    except Transient as error:
        return Answer("round trip", MISSING, str(error), "see that Alertmanager can be reached from here, by kubectl port-forward for one")
    for _ in range(_TRIES):
        new = _triages(kubectl, platform) - before
        if new:
            return Answer("round trip", OK, f"the test alert arrived as {min(new)}")
        sleep(_EVERY)
    remedy = "look at the EventSource's and the Sensor's logs, and at docs/runbooks/ModelmedicAlertLost.md"
    return Answer("round trip", MISSING, f"the test alert started no triage within {_TRIES * _EVERY:.0f} s", remedy)


def _triages(kubectl: Kubectl, platform: Platform) -> set[str]:
    found = kubectl.get("workflows.argoproj.io", "-l", "app.kubernetes.io/component=triage", namespace=platform.namespace)
    return {each["metadata"]["name"] for each in (found or {}).get("items", [])}
