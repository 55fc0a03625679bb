"""Alertmanager's route and receiver for alerts that may heal: one group per model, so that a noisy
one holds up nobody else.
"""

from typing import Any, Final

from modelmedic.workflows.events.argo_events import ENDPOINT, PORT, SOURCE, WEBHOOK_SECRET
from modelmedic.workflows.inputs.platform import Platform
from modelmedic.workflows.monitoring.alert_rules import HEAL_LABEL

RECEIVER: Final = "modelmedic"
TOKEN_FILE: Final = f"/etc/alertmanager/secrets/{WEBHOOK_SECRET}/token"
_MOST_ALERTS: Final = 100


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
                    "group_wait": "10s",
                    "group_interval": "1m",
                    "repeat_interval": "30m",
                    "continue": True,
                },
                {"matchers": ['alertname="ModelmedicRetrainingPays"'], "receiver": "nobody"},
                {"matchers": ['alertname="ModelmedicWatchdog"'], "receiver": "watchdog", "repeat_interval": "5m"},
            ],
        },
        "inhibit_rules": [
            {
                "source_matchers": ['alertname="ModelmedicDataBroken"'],
                "target_matchers": ['alertname=~"ModelmedicDrift|ModelmedicDegraded"'],
                "equal": ["model"],
            }
        ],
        "receivers": [
            {"name": "people"},
            {"name": "nobody"},
            {"name": "watchdog"},
            {"name": RECEIVER, "webhook_configs": [_webhook(platform)]},
        ],
    }


def _webhook(platform: Platform) -> dict[str, Any]:
    """`send_resolved` tells triage that an alert is over; a body of more than `max_alerts` is cut,
    which triage notices.
    """
    return {
        "url": f"http://{SOURCE}-eventsource-svc.{platform.namespace}.svc:{PORT}{ENDPOINT}",
        "send_resolved": True,
        "max_alerts": _MOST_ALERTS,
        "http_config": {"authorization": {"type": "Bearer", "credentials_file": TOKEN_FILE}, "follow_redirects": False},
    }
