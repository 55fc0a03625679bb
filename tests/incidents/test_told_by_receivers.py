"""A receiver that takes no message holds nothing up: the others are told, and the record says which
one was not, without its address.
"""

from pathlib import Path

from modelmedic.steps.contracts.codec import encode
from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.runtime.workspace import Workspace
from tests.fakes.http_server import answering
from tests.render.policies import SMALL

SECRET = "B0x7Kq-hook_secret"


def test_a_receiver_that_fails_is_recorded_and_keeps_nobody_from_being_told(tmp_path: Path) -> None:
    policy = Policy.model_validate(SMALL | {"notify": {"receivers": [{"name": "broken"}, {"name": "absent"}, {"name": "team"}]}})
    with answering([(404, {}, SECRET.encode())]) as broken, answering() as team:
        named = {"BROKEN": f"{broken.url}/{SECRET}", "TEAM": team.url}
        environment = {f"MODELMEDIC_NOTIFY_{name}": url.replace("http", "json", 1) for name, url in named.items()}
        site = Workspace(tmp_path, environment).site(policy, terminal=False)
        site.tell("data.quarantined", Severity.WARNING, "growth", "rows are set aside")
    failed = [record.facts for record in site.trail.records() if record.event == "notification.failed"]
    assert [each["where"] for each in failed] == ["receiver broken", "receiver absent"]
    assert len(team.asked) == 1
    assert SECRET not in encode(failed).decode()
