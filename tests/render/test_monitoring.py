"""Alerts, their tests and the dashboards name only metrics that exist; the programs that read them
accept them.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelmedic.steps.contracts import metrics
from modelmedic.workflows.inputs.platform import Platform
from modelmedic.workflows.monitoring.alert_rules import ALERTS
from modelmedic.workflows.monitoring.dashboards import dashboards
from modelmedic.workflows.monitoring.panels import FLEET, MODEL, queries
from modelmedic.workflows.monitoring.recording_rules import RECORDED
from modelmedic.workflows.output.tree import BASE, write
from modelmedic.workflows.render.render import render
from tests.render.policies import policy

NAMES = {metric.name for metric in metrics.ALL} | {f"{metric.name}_bucket" for metric in metrics.ALL if metric.kind == "histogram"}
PLAIN = f"{BASE}/monitoring/plain"
ROOT = Path(__file__).parents[2]


def named_in(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:modelmedic|argo_events)_[a-z0-9_]+", expression))


def without_recorded(expression: str) -> str:
    for rule in RECORDED:
        expression = expression.replace(rule.name, "")
    return expression


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tree")
    write(render([policy()], Platform()), out)
    return out / PLAIN


def test_every_expression_is_about_metrics_that_exist() -> None:
    expressions = [alert.expression for alert in ALERTS] + [rule.expr for rule in RECORDED] + queries()
    assert len(expressions) > 25
    for expression in expressions:
        assert named_in(without_recorded(expression)) <= NAMES, expression


def test_every_pushed_metric_is_looked_at_by_an_alert_or_a_dashboard() -> None:
    texts = [*(alert.expression for alert in ALERTS), *(rule.expr for rule in RECORDED), *queries()]
    looked_at = set().union(*(named_in(text) for text in texts))
    pushed = {metric.name for group in metrics.PUSHED.values() for metric in group}
    assert pushed - looked_at == set()


def test_every_recorded_series_is_looked_at() -> None:
    for rule in RECORDED:
        assert any(rule.name in text for text in queries()), rule.name


def test_an_alert_says_what_why_how_long_how_bad_and_what_to_do() -> None:
    rules = yaml.safe_load(render([policy()], Platform())[f"{BASE}/monitoring/prometheus-rule.yaml"])
    found = [rule for group in rules["spec"]["groups"] for rule in group["rules"] if "alert" in rule]
    assert [rule["alert"] for rule in found if rule["labels"].get("modelmedic")] == [each.name for each in ALERTS if each.heals]
    for rule in found:
        assert {"summary", "description", "runbook_url", "dashboard_url"} == set(rule["annotations"])
        assert rule["labels"]["severity"] in ("info", "warning", "critical", "none")
        assert rule["annotations"]["runbook_url"].endswith(f"/{rule['alert']}.md")


def test_every_alert_has_a_runbook() -> None:
    for alert in ALERTS:
        text = (ROOT / "docs" / "runbooks" / f"{alert.name}.md").read_text()
        for heading in ("## What it means", "## What has been done already", "## What to do", "## How to undo"):
            assert heading in text, (alert.name, heading)


def test_the_rules_do_not_depend_on_the_number_of_models() -> None:
    one = render([policy()], Platform())
    many = render([policy(metadata={"name": f"m{number}", "owner": "o"}) for number in range(20)], Platform())
    for path in one:
        if "/monitoring/" in path:
            assert one[path] == many[path]


def test_the_plain_rules_are_those_of_the_operator(folder: Path) -> None:
    operator = yaml.safe_load((folder.parent / "prometheus-rule.yaml").read_text())
    assert yaml.safe_load((folder / "rules.yaml").read_text())["groups"] == operator["spec"]["groups"]


def test_every_alert_is_tested_firing_and_all_but_the_watchdog_silent(folder: Path) -> None:
    names = [test["name"] for test in yaml.safe_load((folder / "rules.test.yaml").read_text())["tests"]]
    of_model = [each for each in ALERTS if each.of_model]
    assert len(names) == 2 * len(ALERTS) + len(of_model) - 1
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (Debian's package prometheus)")
    done = subprocess.run(["promtool", "test", "rules", "rules.test.yaml"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_threshold_is_noticed_by_the_rendered_tests(folder: Path, tmp_path: Path) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (Debian's package prometheus)")
    (tmp_path / "rules.yaml").write_text((folder / "rules.yaml").read_text().replace("> 86400", "> 864000"))
    told = yaml.safe_load((folder / "rules.test.yaml").read_text())
    told["tests"] = [test for test in told["tests"] if test["name"] == "ModelmedicLabelsLate fires"]
    (tmp_path / "rules.test.yaml").write_text(yaml.safe_dump(told))
    done = subprocess.run(["promtool", "test", "rules", "rules.test.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0


def test_a_version_that_refuses_half_of_its_requests_is_told_without_a_monitor(folder: Path, tmp_path: Path) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (Debian's package prometheus)")
    (tmp_path / "rules.yaml").write_text((folder / "rules.yaml").read_text())
    told = yaml.safe_load((folder / "rules.test.yaml").read_text())
    (test,) = [test for test in told["tests"] if test["name"] == "ModelmedicRequestsFail fires without an owner"]
    of = 'model="churn",version="3"'
    test["input_series"] = [
        {"series": f'modelmedic_requests_total{{{of},code="200"}}', "values": "0+30x80"},
        {"series": f'modelmedic_requests_total{{{of},code="422"}}', "values": "0+30x80"},
        {"series": f'modelmedic_request_failures_total{{{of},code="422"}}', "values": "0+30x80"},
        {"series": 'modelmedic_requests_total{model="churn",version="2",code="200"}', "values": "0+1x80"},
    ]
    told["tests"] = [test]
    (tmp_path / "rules.test.yaml").write_text(yaml.safe_dump(told))
    done = subprocess.run(["promtool", "test", "rules", "rules.test.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_alertmanager_accepts_the_route_and_sends_each_model_by_itself(folder: Path) -> None:
    told: dict[str, Any] = yaml.safe_load((folder / "alertmanager.yaml").read_text())
    route = told["route"]["routes"][0]
    hook = told["receivers"][-1]["webhook_configs"][0]
    assert (route["receiver"], route["group_by"]) == (told["receivers"][-1]["name"], ["model"])
    assert (hook["send_resolved"], hook["max_alerts"]) == (True, 100)
    assert set(hook["http_config"]["authorization"]) == {"type", "credentials_file"}
    if shutil.which("amtool") is None:
        pytest.skip("amtool is not installed (Debian's package prometheus-alertmanager)")
    subprocess.run(["amtool", "check-config", "alertmanager.yaml"], cwd=folder, check=True, capture_output=True)


def test_broken_data_silences_what_it_would_look_like(folder: Path) -> None:
    (rule,) = yaml.safe_load((folder / "alertmanager.yaml").read_text())["inhibit_rules"]
    assert "ModelmedicDrift" in rule["target_matchers"][0]
    assert rule["source_matchers"] == ['alertname="ModelmedicDataBroken"']


def test_dashboards_have_stable_uids_and_no_fixed_data_source() -> None:
    boards = {uid: json.loads(text) for uid, text in dashboards(Platform()).items()}
    assert {uid: board["uid"] for uid, board in boards.items()} == {uid: uid for uid in boards}
    for board in boards.values():
        assert {panel["datasource"]["uid"] for panel in board["panels"]} == {"${datasource}"}
        assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]}) == len(board["panels"])


def test_panels_say_what_they_are_and_lines_have_legends() -> None:
    for board in (json.loads(text) for text in dashboards(Platform()).values()):
        for panel in board["panels"]:
            if panel["type"] == "timeseries":
                assert panel["options"]["legend"]["showLegend"], panel["title"]
            if panel["type"] == "stat":
                defaults = panel["fieldConfig"]["defaults"]
                assert defaults.get("thresholds") or defaults.get("mappings"), panel["title"]
            assert all(target.get("instant") == (panel["type"] in ("stat", "table")) for target in panel["targets"])


def test_panels_link_to_runbooks_that_exist() -> None:
    named = {panel.alert for panel in (*FLEET, *MODEL) if panel.alert}
    assert named <= {alert.name for alert in ALERTS}
