"""`modelmedic notify test` reaches everybody whom a policy tells, and says what each answered."""

import json
from pathlib import Path

import pytest
import yaml

from tests.cli.program import run
from tests.fakes.http_server import answering
from tests.render.policies import policy

RECEIVERS = [{"name": "team"}, {"name": "on-call", "severity": "critical"}]


def policy_file(folder: Path, **notify: object) -> Path:
    said = policy("small").model_dump(mode="json", by_alias=True, exclude_unset=True)
    file = folder / "policy.yaml"
    file.write_text(yaml.safe_dump(said | {"notify": notify}))
    return file


def test_each_receiver_gets_a_message_of_a_severity_that_it_gets(tmp_path: Path) -> None:
    with answering() as manager, answering() as team, answering() as pager:
        env = {"MODELMEDIC_NOTIFY_TEAM": team.url.replace("http", "json"), "MODELMEDIC_NOTIFY_ON_CALL": pager.url.replace("http", "json")}
        file = policy_file(tmp_path, alertmanager=manager.url, receivers=RECEIVERS)
        done = run("notify", "test", file, env=env)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "told      Alertmanager: took a message of severity info",
        "told      receiver team: took a message of severity info",
        "told      receiver on-call: took a message of severity critical",
    ]
    assert [len(heard.asked) for heard in (manager, team, pager)] == [1, 1, 1]


def test_one_that_took_none_is_named_and_ends_as_not_now(tmp_path: Path) -> None:
    with answering() as team:
        file = policy_file(tmp_path, receivers=RECEIVERS)
        done = run("notify", "test", file, "--json", env={"MODELMEDIC_NOTIFY_TEAM": team.url.replace("http", "json")})
    assert done.exit_code == 75
    said = json.loads(done.stdout)
    assert [each["state"] for each in said["answers"]] == ["ok", "missing"]
    assert "MODELMEDIC_NOTIFY_ON_CALL is not set" in said["answers"][1]["sentence"]


def test_nobody_to_tell_is_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODELMEDIC_ALERTMANAGER", raising=False)
    done = run("notify", "test", policy_file(tmp_path))
    assert done.exit_code == 65
    assert "names nobody to tell" in done.stderr


def test_two_receivers_of_one_name_are_refused(tmp_path: Path) -> None:
    done = run("notify", "test", policy_file(tmp_path, receivers=[{"name": "team"}, {"name": "team"}]))
    assert done.exit_code == 78
    assert "notify.receivers names team more than once" in done.stderr
