"""The receivers on the page are configurations that Alertmanager takes, and a Slack channel really
gets a message of ours.
"""

import json
import re
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from apprise import Apprise

from modelmedic.steps.adapters.notify.alertmanager import Alertmanager, annotations, labels
from modelmedic.steps.contracts.notification import Severity
from tests.adapters.notify.messages import RealClock, message
from tests.fakes.http_server import answering
from tests.fakes.programs import ALERTMANAGER, AMTOOL, alertmanager, asked

PAGE = Path(__file__).parents[2] / "docs" / "telling-people.md"
BEFORE, _, AFTER = PAGE.read_text().partition("\n## Receivers of Alertmanager\n")
RECEIVERS = re.findall(r"```yaml\n(.*?)```", AFTER, re.S)
ADDRESSES = re.findall(r"`([a-z]+://[^` ]+)`", BEFORE)
LABELS, ANNOTATIONS = {**labels(message()), "owner": "growth"}, annotations(message())
SECRETS = "/etc/alertmanager/secrets"


def kinds(text: str) -> set[str]:
    return {key for receiver in yaml.safe_load(text)["receivers"] for key in receiver if key != "name"}


def version() -> tuple[int, ...]:
    found = re.search(r"version (\d+)\.(\d+)", asked(AMTOOL, "--version"))
    return tuple(map(int, found.groups())) if found else (0, 0)


def with_secrets_in(folder: Path, text: str) -> Path:
    file = folder / "alertmanager.yml"
    file.write_text(text.replace(SECRETS, str(folder)))
    return file


def test_apprise_reads_every_address_of_the_page() -> None:
    read = {type(Apprise.instantiate(address.replace("…", "a@example.com"))).__name__ for address in ADDRESSES}
    assert read == {
        "NotifySlack",
        "NotifyWorkflows",
        "NotifyPagerDuty",
        "NotifyEmail",
        "NotifyJSON",
    }


def test_there_is_one_for_each_of_the_four() -> None:
    every = set().union(*map(kinds, RECEIVERS))
    assert every == {"slack_configs", "msteamsv2_configs", "pagerduty_configs", "email_configs"}


@pytest.mark.skipif(AMTOOL is None, reason="amtool is not installed (Debian's package prometheus-alertmanager)")
@pytest.mark.parametrize("text", RECEIVERS, ids=[min(kinds(text)) for text in RECEIVERS])
def test_alertmanager_takes_it(text: str, tmp_path: Path) -> None:
    if "msteamsv2_configs" in kinds(text) and version() < (0, 28):
        pytest.skip("amtool is older than 0.28, the first to know msteamsv2_configs")
    assert "SUCCESS" in asked(AMTOOL, "check-config", with_secrets_in(tmp_path, text))


def templates(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from templates(each)
    elif isinstance(value, str) and "{{" in value:
        yield value


@pytest.mark.skipif(AMTOOL is None, reason="amtool is not installed (Debian's package prometheus-alertmanager)")
@pytest.mark.parametrize("text", RECEIVERS, ids=[min(kinds(text)) for text in RECEIVERS])
def test_its_texts_are_templates_that_say_what_the_message_says(text: str, tmp_path: Path) -> None:
    """check-config takes any text; only rendering it finds a bad template."""
    (tmp_path / "alerts.json").write_text(json.dumps({"commonLabels": LABELS, "commonAnnotations": ANNOTATIONS}))
    data = (f"--template.data={tmp_path / 'alerts.json'}", f"--template.glob={tmp_path / 'none.tmpl'}")
    (tmp_path / "none.tmpl").write_text("")
    rendered = [asked(AMTOOL, "template", "render", *data, f"--template.text={each}") for each in templates(yaml.safe_load(text))]
    whole = "\n".join(rendered)
    assert "<no value>" not in whole
    for part in ("flights: rows are broken and set aside", "column distance is in another unit", "https://docs.example/quarantine"):
        assert part in whole


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[Any]:
    """Slack, and an Alertmanager that is configured as the page says."""
    (text,) = (each for each in RECEIVERS if "slack_configs" in kinds(each))
    with answering() as heard:
        (tmp_path / "slack").mkdir()
        (tmp_path / "slack" / "url").write_text(heard.url)
        at_once = text.replace("group_by: [alertname, model]", "group_by: [alertname, model]\n  group_wait: 0s")
        file = with_secrets_in(tmp_path, at_once)
        with alertmanager(file) as url:
            yield heard, url


@pytest.mark.skipif(ALERTMANAGER is None, reason="no alertmanager on the PATH: Debian's package is prometheus-alertmanager")
def test_the_owners_channel_gets_the_message_with_its_links(slack: Any) -> None:
    heard, url = slack
    notifier = Alertmanager(url, RealClock(moment=datetime.now(UTC)), {"owner": "growth", "namespace": "ml"})
    notifier.notify(message(Severity.CRITICAL))
    assert heard.arrived.wait(20)
    (_, said), *_ = heard.asked
    (attachment,) = said["attachments"]
    assert said["channel"] == "#growth-ml"
    assert attachment["title"] == "critical: flights: rows are broken and set aside"
    assert attachment["title_link"] == "https://store.example/reports/incident.html"
    assert attachment["actions"][0]["url"] == "https://docs.example/quarantine"
    with urllib.request.urlopen(f"{url}/api/v2/alerts", timeout=5) as answer:
        (alert,) = json.load(answer)
    assert alert["labels"]["owner"] == "growth"
    assert alert["labels"]["namespace"] == "ml"
