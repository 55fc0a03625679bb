"""Messages lead to where a person has to look, as far as somebody has said where that is, and no
link keeps a message from being sent.
"""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from modelmedic.steps.approval.pending import request_approval
from modelmedic.steps.approval.reminder import remind
from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.contracts.places import RUNBOOKS, Places, places_of
from modelmedic.steps.contracts.results import ReportResult
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.heal.close import close
from modelmedic.steps.heal.deploy import deploy
from modelmedic.steps.runtime.links import PAGE, links
from modelmedic.steps.runtime.workspace import Workspace
from modelmedic.workflows.monitoring.alert_rules import ALERTS
from tests.worlds.deployed import DeployedWorld
from tests.worlds.played import NOW, WINDOW, Told

STEPS = Path(__file__).parents[2] / "steps"
EVERYWHERE = Places(
    reports="https://store.example/bucket",
    argo="https://argo.example",
    mlflow="https://mlflow.example",
    grafana="https://grafana.example",
    runbooks="https://docs.example/runbooks",
    namespace="ml",
)


@pytest.fixture
def world(tmp_path: Path) -> DeployedWorld:
    world = DeployedWorld(tmp_path)
    world.site.places = EVERYWHERE
    return world


def last(world: DeployedWorld) -> dict[str, str]:
    told = world.site.notifier
    assert isinstance(told, Told)
    return dict(told.notifications[-1].links)


def test_the_message_on_a_heal_links_to_everything_and_says_how_to_undo_it(world: DeployedWorld) -> None:
    world.run.record(ReportResult(("reports/churn-af5b4e0e/000001/evidently.html",)))
    deploy(world.run, "2")
    close(world.run)
    identity = world.run.incident.id
    folder = f"https://store.example/bucket/reports/{identity.removesuffix('-1')}/000001"
    assert last(world) == {
        "report": f"{folder}/incident.html",
        "evidently": "https://store.example/bucket/reports/churn-af5b4e0e/000001/evidently.html",
        "run": f"https://argo.example/workflows/ml/heal-{identity}",
        "version": "https://mlflow.example/#/models/churn/versions/2",
        "dashboard": "https://grafana.example/d/modelmedic-model?var-model=churn",
        "runbook": "https://docs.example/runbooks/ModelmedicHealFailed.md",
        "undo": f"modelmedic undo {identity}",
    }


def test_no_message_of_a_heal_lacks_a_link_where_every_place_is_known(tmp_path: Path) -> None:
    world = DeployedWorld(tmp_path, approval="needed")
    world.site.places = EVERYWHERE
    request_approval(world.run)
    world.clock.sleep(timedelta(hours=5))
    remind(world.run)
    close(world.run, "the node was lost")
    told = world.site.notifier
    assert isinstance(told, Told)
    lacking = {each.event: {"report", "run", "version", "dashboard", "runbook"} - set(each.links) for each in told.notifications}
    assert lacking == {"approval.requested": set(), "approval.reminded": set(), "incident.closed": set()}


def test_a_page_leads_to_the_runbook_of_the_alert_that_opened_the_incident(world: DeployedWorld) -> None:
    for alert, runbook in (("ModelmedicDrift", "https://docs.example/runbooks/ModelmedicDrift.md"), ("by-hand", None)):
        incident, _ = world.site.ledger.open_incident(f"churn-{alert}", "hash", WINDOW, alert, {})
        assert links(world.site, PAGE, incident.id).get("runbook") == runbook


def test_a_heal_that_changed_nothing_is_not_to_be_undone(world: DeployedWorld) -> None:
    world.site.ledger.close(world.run.incident, Closing(Outcome.REJECTED, NOW, "the gates said no", "1", "1"))
    close(world.run)
    assert "undo" not in last(world)


def test_a_message_about_no_incident_links_to_the_model(world: DeployedWorld) -> None:
    world.site.tell("monitor.blind", Severity.WARNING, "growth", "too few rows")
    assert last(world) == {
        "version": "https://mlflow.example/#/models/churn",
        "dashboard": "https://grafana.example/d/modelmedic-model?var-model=churn",
        "runbook": "https://docs.example/runbooks/ModelmedicMonitorBlind.md",
    }


def test_what_nobody_has_said_is_not_linked_to(world: DeployedWorld) -> None:
    world.site.places = Places()
    world.run.tell("data.quarantined", Severity.WARNING, "growth", "rows are set aside")
    assert last(world) == {}


def test_a_store_that_is_away_keeps_no_message_back(world: DeployedWorld) -> None:
    world.site.store.unreachable = True  # type: ignore[attr-defined]
    world.run.tell("data.quarantined", Severity.WARNING, "growth", "rows are set aside")
    assert set(last(world)) == {"dashboard", "runbook"}


def test_every_runbook_is_of_an_alert_and_every_message_that_has_one_is_sent_somewhere() -> None:
    code = "".join(file.read_text() for file in STEPS.rglob("*.py"))
    told = set(re.findall(r"\.tell\(\s*\"([a-z_.]+)\"", code))
    assert set(RUNBOOKS.values()) <= {alert.name for alert in ALERTS}
    assert set(RUNBOOKS) <= told
    assert told - set(RUNBOOKS) == {"audit.differs"}, "the security page is about records that were changed"


def test_odd_names_are_quoted() -> None:
    assert EVERYWHERE.version("late flights/x", "7") == "https://mlflow.example/#/models/late%20flights%2Fx/versions/7"
    assert EVERYWHERE.dashboard("a&b") == "https://grafana.example/d/modelmedic-model?var-model=a%26b"


def test_the_environment_names_the_places() -> None:
    environment = {"MODELMEDIC_LINK_GRAFANA": "https://g.example/", "MODELMEDIC_LINK_REPORTS": "", "MODELMEDIC_NAMESPACE": "ml"}
    assert places_of(environment, reports="file:///store") == Places(grafana="https://g.example", reports="file:///store", namespace="ml")


def test_a_folder_and_a_server_of_mlflow_are_places_by_themselves(tmp_path: Path) -> None:
    assert Workspace(tmp_path, {}).places == Places(reports=(tmp_path / "store").as_uri())
    served = {"MODELMEDIC_STORE": "s3://bucket/prefix", "MLFLOW_TRACKING_URI": "https://mlflow.example"}
    assert Workspace(tmp_path, served).places == Places(mlflow="https://mlflow.example")
