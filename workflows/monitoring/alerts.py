"""The alerts as files: a PrometheusRule, a plain rules file of the same groups, and promtool's unit
tests of it.
"""

from collections.abc import Iterable
from typing import Any, Final

from modelmedic.steps.contracts import metrics as m
from modelmedic.workflows.inputs.labels import metadata
from modelmedic.workflows.inputs.platform import Platform
from modelmedic.workflows.monitoring.alert_rules import ALERTS, HEAL_LABEL, Alert, Series
from modelmedic.workflows.monitoring.recording_rules import RECORDED
from modelmedic.workflows.output.yaml import dump

RULES_FILE: Final = "rules.yaml"
_GROUPS: Final = {"modelmedic.heal": True, "modelmedic.people": False}
_INTERVAL: Final = "1m"
_OWNER: Final = Series(m.OWNER, "1x80", {"model": "churn", "owner": "growth"})
_RECORDS: Final = "modelmedic.records"
_EVERY: Final = "15s"  # a rule costs next to nothing, and a degraded model serves for as long as an alert waits


def groups(platform: Platform) -> list[dict[str, Any]]:
    """What dashboards read is recorded once a minute, and alerts are looked at more often."""
    recorded = {"name": _RECORDS, "interval": _INTERVAL, "rules": [{"record": each.name, "expr": each.expr} for each in RECORDED]}
    alerting = [
        {"name": name, "interval": _EVERY, "rules": [_rule(alert, platform) for alert in ALERTS if alert.heals == heals]}
        for name, heals in _GROUPS.items()
    ]
    return [*alerting, recorded]


def prometheus_rule(platform: Platform) -> dict[str, Any]:
    """The alerts for the Prometheus operator; `ruleLabels` of the platform are what your Prometheus
    selects by.
    """
    described = metadata("modelmedic", platform.namespace, "monitoring")
    described["labels"] |= platform.ruleLabels
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": described, "spec": {"groups": groups(platform)}}


def rules_file(platform: Platform) -> dict[str, Any]:
    """The alerts for a Prometheus without an operator."""
    return {"groups": groups(platform)}


def rules_test(platform: Platform) -> dict[str, Any]:
    """`promtool test rules`: each alert once with series for which it fires, and once with some for
    which it does not.
    """
    return {
        "rule_files": [RULES_FILE],
        "evaluation_interval": _INTERVAL,
        "tests": [test for each in ALERTS for test in _tests(each, platform)],
    }


def plain_kustomization(platform: Platform, files: Iterable[str]) -> str:
    """Makes ConfigMaps of the plain files, for a Prometheus and an Alertmanager that read files."""
    generators = [{"name": f"modelmedic-{file.split('.')[0]}", "files": [file]} for file in files if "test" not in file]
    described = metadata("", None, "monitoring")
    options = {"labels": described["labels"], "annotations": described["annotations"]}
    return dump(
        {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": platform.namespace,
            "configMapGenerator": generators,
            "generatorOptions": options,
        }
    )


def _rule(alert: Alert, platform: Platform) -> dict[str, Any]:
    held = {"for": alert.hold} if alert.hold != "0m" else {}
    return {
        "alert": alert.name,
        "expr": alert.expression,
        **held,
        "labels": _labels(alert, platform),
        "annotations": _annotations(alert, platform),
    }


def _labels(alert: Alert, platform: Platform) -> dict[str, str]:
    """The namespace is a label because an AlertmanagerConfig gets only the alerts of its own."""
    return {"severity": alert.severity, "namespace": platform.namespace, **({HEAL_LABEL: "heal"} if alert.heals else {})}


def _annotations(alert: Alert, platform: Platform) -> dict[str, str]:
    of_model = "?var-model={{ $labels.model }}" if "$labels.model" in alert.description else ""
    return {
        "summary": alert.summary,
        "description": alert.description,
        "runbook_url": f"{platform.links.runbooks}/{alert.name}.md",
        "dashboard_url": f"{platform.links.grafana}/d/modelmedic-{'model' if of_model else 'fleet'}{of_model}",
    }


def _tests(alert: Alert, platform: Platform) -> list[dict[str, Any]]:
    annotations = {
        name: text.replace("{{ $labels.model }}", alert.labels.get("model", "")) for name, text in _annotations(alert, platform).items()
    }
    owned = {"owner": _OWNER.labels["owner"]} if alert.of_model else {}
    firing = {"exp_labels": {**alert.labels, **_labels(alert, platform)}, "exp_annotations": annotations}
    of_owner = {**firing, "exp_labels": {**firing["exp_labels"], **owned}}
    cases: list[tuple[str, tuple[Series, ...], list[dict[str, Any]]]] = [(f"{alert.name} fires", (*alert.fires, _OWNER), [of_owner])]
    if owned:
        cases.append((f"{alert.name} fires without an owner", alert.fires, [firing]))
    if alert.silent:
        cases.append((f"{alert.name} is silent", alert.silent, []))
    return [
        {
            "name": name,
            "interval": _INTERVAL,
            "input_series": [_series(each) for each in series],
            "alert_rule_test": [{"alertname": alert.name, "eval_time": alert.after, "exp_alerts": expected}],
        }
        for name, series, expected in cases
    ]


def _series(series: Series) -> dict[str, str]:
    return {"series": str(series), "values": series.values}
