"""Alertmanager's route and receiver for alerts that may heal: one group per model, so that a noisy
one holds up nobody else.
"""

from typing import Any, Final

from modelmedic.workflows.events.argo_events import ENDPOINT, PORT, SOURCE, WEBHOOK_SECRET
from modelmedic.workflows.inputs.platform import Platform
from modelmedic.workflows.monitoring.alert_rules import HEAL_LABEL

RECEIVER: Final = "modelmedic"
TOKEN_FILE: Final = f"/etc/alertmanager/secrets/{WEBHOOK_SECRET}/token"
MOST_ALERTS: Final = 100
TIMES: Final = ("10s", "1m", "30m")  # to the first notification of a group, to its next ones, to a repeated one
INHIBITED: Final = {"ModelmedicDataBroken": "ModelmedicDrift|ModelmedicDegraded"}  # what broken data looks like, by the alert that says so


def alertmanager(platform: Platform) -> dict[str, Any]:
    """A whole configuration that amtool accepts; take the route and the receiver into your own, and
    fill in `people`.
    """
    return {
        "route": {
            "receiver": "people",
            "group_by": ["alertname", "model"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "12h",
            "routes": [
                {
                    "matchers": [f'{HEAL_LABEL}="heal"'],
                    "receiver": RECEIVER,
                    "group_by": ["model"],
                    "group_wait": TIMES[0],
                    "group_interval": TIMES[1],
                    "repeat_interval": TIMES[2],
                    "continue": True,
                },
                {"matchers": ['alertname="ModelmedicRetrainingPays"'], "receiver": "nobody"},
                {"matchers": ['alertname="ModelmedicWatchdog"'], "receiver": "watchdog", "repeat_interval": "5m"},
            ],
        },
        "inhibit_rules": [
            {"source_matchers": [f'alertname="{source}"'], "target_matchers": [f'alertname=~"{target}"'], "equal": ["model"]}
            for source, target in INHIBITED.items()
        ],
        "receivers": [
            {"name": "people"},
            {"name": "nobody"},
            {"name": "watchdog"},
            {"name": RECEIVER, "webhook_configs": [_webhook(platform)]},
        ],
    }


def url(platform: Platform) -> str:
    """The EventSource, as any namespace of the cluster names it."""
    return f"http://{SOURCE}-eventsource-svc.{platform.namespace}.svc:{PORT}{ENDPOINT}"


def _webhook(platform: Platform) -> dict[str, Any]:
    """`send_resolved` tells triage that an alert is over; a body of more than `max_alerts` is cut,
    which triage notices.
    """
    return {
        "url": url(platform),
        "send_resolved": True,
        "max_alerts": MOST_ALERTS,
        "http_config": {"authorization": {"type": "Bearer", "credentials_file": TOKEN_FILE}, "follow_redirects": False},
    }
