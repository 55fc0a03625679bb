"""The AlertmanagerConfig says what the plain configuration says, once the operator has made its
part of a whole configuration of it, and alerts of ours get through the operator's own matcher.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelmedic.workflows.events.alertmanager import alertmanager
from modelmedic.workflows.events.alertmanager_config import alertmanager_config
from modelmedic.workflows.inputs.platform import Platform
from modelmedic.workflows.monitoring.alerts import groups
from tests.fakes.programs import AMTOOL, asked

PLATFORM = Platform(namespace="ml", ruleLabels={"release": "prometheus"})
RULES = [rule for group in groups(PLATFORM) for rule in group["rules"] if "alert" in rule]
needs_amtool = pytest.mark.skipif(AMTOOL is None, reason="amtool is not installed (Debian's package prometheus-alertmanager)")


def snake(value: Any) -> Any:
    """Keys as Alertmanager spells them."""
    if isinstance(value, dict):
        return {re.sub(r"(?<!^)([A-Z])", r"_\1", key).lower(): snake(each) for key, each in value.items()}
    return [snake(each) for each in value] if isinstance(value, list) else value


def matcher(of: dict[str, str]) -> str:
    return f'{of["name"]}{of["matchType"]}"{of["value"]}"'


def as_the_operator_makes_it(config: dict[str, Any]) -> dict[str, Any]:
    """The operator's default: first-level routes and inhibitions are of the resource's namespace,
    an alert goes on behind them, and receivers get the resource's name in front.
    """
    namespace, name, spec = config["metadata"]["namespace"], config["metadata"]["name"], config["spec"]
    own = f'namespace="{namespace}"'
    route = snake(spec["route"]) | {"matchers": [*map(matcher, spec["route"]["matchers"]), own], "continue": True}
    inhibit = [
        {
            "source_matchers": [*map(matcher, rule["sourceMatch"]), own],
            "target_matchers": [*map(matcher, rule["targetMatch"]), own],
            "equal": rule["equal"],
        }
        for rule in spec["inhibitRules"]
    ]
    receivers = snake(spec["receivers"])
    for hook in (hook for receiver in receivers for hook in receiver["webhook_configs"]):
        hook["http_config"]["authorization"] |= {"credentials": "from-the-secret"}
    for each in (route, *receivers):
        key = "receiver" if "receiver" in each else "name"
        each[key] = f"{namespace}/{name}/{each[key]}"
    return {
        "route": {"receiver": "null", "routes": [route, {"receiver": "people", "matchers": ['severity!="none"']}]},
        "inhibit_rules": inhibit,
        "receivers": [{"name": "null"}, {"name": "people"}, *receivers],
    }


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    file = tmp_path / "alertmanager.yaml"
    file.write_text(yaml.safe_dump(as_the_operator_makes_it(alertmanager_config(PLATFORM))))
    return file


def receivers_of(file: Path, labels: dict[str, str]) -> list[str]:
    told = asked(AMTOOL, "config", "routes", "test", f"--config.file={file}", *(f"{name}={value}" for name, value in labels.items()))
    return told.strip().split(",")


@needs_amtool
def test_alertmanager_accepts_what_the_operator_makes_of_it(whole: Path) -> None:
    assert "SUCCESS" in asked(AMTOOL, "check-config", whole)


@needs_amtool
@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_that_heals_goes_to_triage_and_every_one_to_people(whole: Path, rule: dict[str, Any]) -> None:
    found = receivers_of(whole, {"alertname": rule["alert"], "model": "churn", **rule["labels"]})
    heals = rule["labels"].get("modelmedic") == "heal"
    people = ["people"] if rule["labels"]["severity"] != "none" else []
    assert found == (["ml/modelmedic/modelmedic"] if heals else []) + (people or ["null"])


@needs_amtool
def test_an_alert_of_another_namespace_is_not_for_us(whole: Path) -> None:
    labels = {"alertname": "ModelmedicDrift", "modelmedic": "heal", "namespace": "another", "severity": "warning"}
    assert receivers_of(whole, labels) == ["people"]


def test_it_says_what_the_plain_configuration_says() -> None:
    plain, config = alertmanager(PLATFORM), alertmanager_config(PLATFORM)["spec"]
    route = plain["route"]["routes"][0]
    assert snake(config["route"]) | {"matchers": [*map(matcher, config["route"]["matchers"])]} == route
    (hook,), (own,) = plain["receivers"][-1]["webhook_configs"], snake(config["receivers"])[0]["webhook_configs"]
    assert {name: hook[name] for name in ("url", "send_resolved", "max_alerts")} == {
        name: own[name] for name in ("url", "send_resolved", "max_alerts")
    }
    assert own["http_config"]["authorization"]["credentials"] == {"name": "modelmedic-webhook", "key": "token"}
    inhibited = [
        {
            "source_matchers": [*map(matcher, rule["sourceMatch"])],
            "target_matchers": [*map(matcher, rule["targetMatch"])],
            "equal": rule["equal"],
        }
        for rule in config["inhibitRules"]
    ]
    assert inhibited == plain["inhibit_rules"]


def test_an_alertmanager_that_selects_by_labels_finds_it() -> None:
    assert alertmanager_config(PLATFORM)["metadata"]["labels"]["release"] == "prometheus"
