"""The rows that an incident is about; called by the monitor and by triage, which open incidents."""

from datetime import timedelta

from modelmedic.steps.contracts.detection import Verdict
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import VerdictState

_LATE = 0.5  # of a detection window: labels that take longer leave the current window without any


def evidence_window(verdict: Verdict, policy: Policy, labelled: Window | None = None) -> Window:
    """The window of the verdict; for a loss whose labels are late, the window whose labels have
    matured.

    `labelled` is that window where the caller knows it; None is one label delay before the
    verdict's.
    """
    assert verdict.window is not None
    if verdict.state is not VerdictState.DEGRADED:
        return verdict.window
    due = due_window(policy, verdict.window)
    return due if due == verdict.window else labelled or due


def due_window(policy: Policy, window: Window) -> Window:
    """The window itself; where labels are late, the window whose labels have matured."""
    delay: timedelta = policy.data.labels.delay
    return window if delay < _LATE * policy.detect.window else Window(window.start - delay, window.end - delay)
