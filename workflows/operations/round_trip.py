"""The way of a test alert, for `modelmedic doctor --test-alert`: posted to Alertmanager, seen again
as a Workflow of triage, which opens no incident for it.
"""

import time
from collections.abc import Callable
from typing import Final

from modelmedic.steps.adapters.kube.client import Kube
from modelmedic.steps.contracts.errors import ModelmedicError, NotFound, Transient
from modelmedic.workflows.inputs.platform import Platform
from modelmedic.workflows.monitoring.alert_rules import HEAL_LABEL
from modelmedic.workflows.operations.inspection import MISSING, OK, UNKNOWN, Inspection

NAME: Final = "ModelmedicRoundTrip"
_TRIES: Final = 40
_EVERY: Final = 3.0


def round_trip(
    kube: Kube, platform: Platform, post: Callable[[list[dict[str, object]]], None], sleep: Callable[[float], None] = time.sleep
) -> Inspection:
    """`post` hands alerts to Alertmanager's API. Waits two minutes; the alert names no model of
    ours, so that triage refuses it.
    """
    try:
        before = _triages(kube, platform)
    except ModelmedicError as error:
        return Inspection("round trip", UNKNOWN, f"triage's Workflows cannot be listed: {error}", "ask for the right to list Workflows")
    labels = {"alertname": NAME, HEAL_LABEL: "heal", "severity": "none", "model": "round-trip-of-doctor"}
    try:
        post([{"labels": labels, "annotations": {"summary": "A test of the way from Alertmanager to triage."}}])
    except Transient as error:
        remedy = "see that Alertmanager can be reached from here, by `kubectl port-forward` for one"
        return Inspection("round trip", MISSING, str(error), remedy)
    for _ in range(_TRIES):
        new = _triages(kube, platform) - before
        if new:
            return Inspection("round trip", OK, f"the test alert arrived as {min(new)}")
        sleep(_EVERY)
    remedy = "look at the EventSource's and the Sensor's logs, and at docs/runbooks/ModelmedicAlertLost.md"
    return Inspection("round trip", MISSING, f"the test alert started no triage within {_TRIES * _EVERY:.0f} s", remedy)


def _triages(kube: Kube, platform: Platform) -> set[str]:
    """The names of triage's Workflows; none where Argo Workflows is not installed."""
    try:
        found = kube.listed(f"/apis/argoproj.io/v1alpha1/namespaces/{platform.namespace}/workflows", "app.kubernetes.io/component=triage")
    except NotFound:
        return set()
    return {each["metadata"]["name"] for each in found}
