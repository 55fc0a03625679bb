"""The same route and receiver as an AlertmanagerConfig, for the Prometheus operator: no
configuration to edit, and no Secret to mount.

The operator gives an AlertmanagerConfig only the alerts that carry its own namespace as a label,
and lets every alert go on to the routes behind it; our alerts carry that label.
"""

from typing import Any, Final

from modelmedic.workflows.events.alertmanager import INHIBITED, MOST_ALERTS, RECEIVER, TIMES, url
from modelmedic.workflows.events.argo_events import WEBHOOK_SECRET
from modelmedic.workflows.inputs.labels import metadata
from modelmedic.workflows.inputs.platform import Platform
from modelmedic.workflows.monitoring.alert_rules import HEAL_LABEL

API_VERSION: Final = "monitoring.coreos.com/v1alpha1"


def alertmanager_config(platform: Platform) -> dict[str, Any]:
    """`ruleLabels` of the platform are on it too, for an Alertmanager that selects by labels."""
    described = metadata("modelmedic", platform.namespace, "monitoring")
    described["labels"] |= platform.ruleLabels
    group_wait, group_interval, repeat_interval = TIMES
    spec = {
        "route": {
            "receiver": RECEIVER,
            "matchers": [_equal(HEAL_LABEL, "heal")],
            "groupBy": ["model"],
            "groupWait": group_wait,
            "groupInterval": group_interval,
            "repeatInterval": repeat_interval,
            "continue": True,
        },
        "inhibitRules": [
            {
                "sourceMatch": [_equal("alertname", source)],
                "targetMatch": [{"name": "alertname", "value": target, "matchType": "=~"}],
                "equal": ["model"],
            }
            for source, target in INHIBITED.items()
        ],
        "receivers": [{"name": RECEIVER, "webhookConfigs": [_webhook(platform)]}],
    }
    return {"apiVersion": API_VERSION, "kind": "AlertmanagerConfig", "metadata": described, "spec": spec}


def _equal(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value, "matchType": "="}


def _webhook(platform: Platform) -> dict[str, Any]:
    """The token is read from the Secret in its own namespace."""
    token = {"type": "Bearer", "credentials": {"name": WEBHOOK_SECRET, "key": "token"}}
    return {
        "url": url(platform),
        "sendResolved": True,
        "maxAlerts": MOST_ALERTS,
        "httpConfig": {"authorization": token, "followRedirects": False},
    }
