"""An alert is believed as far as a verdict bears it out, and however often it comes there is one
incident with one heal.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.contracts.ageing import AgeingLook
from modelmedic.steps.contracts.audit import Record
from modelmedic.steps.contracts.detection import Verdict
from modelmedic.steps.contracts.errors import Transient
from modelmedic.steps.contracts.incident import Closing, Incident
from modelmedic.steps.contracts.keys import ageing_key, policy_key, verdict_key
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Outcome, VerdictState
from modelmedic.steps.core.incidents.alerts import MOST_ALERTS
from modelmedic.steps.incidents.triage import HEALS, NOBODY, triage
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.documents import keep
from modelmedic.steps.records.ledger import Ledger
from modelmedic.workflows.monitoring.alert_rules import ALERTS
from tests.fakes.workflows import FakeWorkflows
from tests.incidents.test_alerts import alert, body
from tests.worlds.played import NOW, WINDOW, policy

POLICIES = {name: policy(metadata={"name": name, "owner": "growth"}) for name in ("churn", "loans")}
HOUR = timedelta(hours=1)
DRIFTED_AND_WORSE = (alert(), alert(labels={"alertname": "ModelmedicDegraded"}))


@dataclass
class Desk:
    """Two models, one of them drifted: a place as triage sees it, and what it left behind."""

    store: ObjectStore = field(default_factory=MemoryStore)
    workflows: FakeWorkflows = field(default_factory=FakeWorkflows)
    actor: str = "pod-1"
    clock: PlayedClock = field(default_factory=lambda: PlayedClock(NOW))
    said: list[str] = field(default_factory=list)

    def fleet(self) -> Mapping[str, Mapping[str, str]]:
        return {name: {"policy": each.hash, "heal": f"heal-{name}"} for name, each in POLICIES.items()}

    def outbox(self, model: str, say: Callable[[str], None]) -> None:  # noqa: ARG002 - the workspace's signature
        return

    def judged(self, state: VerdictState = VerdictState.DRIFTED, at: datetime = NOW, model: str = "churn") -> None:
        window = Window(at - WINDOW.length, at)
        keep(
            self.store, verdict_key(model, "1", at), Verdict(state, 900, 900, window=window, model=model, model_version="1", measured_at=at)
        )

    def take(self, *alerts: Any, **changes: Any) -> dict[str, int]:
        answer = triage(self, body(*alerts, **changes), self.said.append, self.clock)
        return {name: int(count) for name, count in answer.items() if count != "0"}

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.store, self.clock)

    def incidents(self, model: str = "churn") -> tuple[Incident, ...]:
        return self.ledger.incidents(model)

    def records(self, model: str = "churn") -> list[Record]:
        return list(AuditTrail(self.store, model, self.clock, "test").records())

    def events(self, model: str = "churn") -> list[str]:
        return [record.event for record in self.records(model)]


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    for each in POLICIES.values():
        keep(made.store, policy_key(each.hash), each)
    return made


def close(desk: Desk, outcome: Outcome = Outcome.NO_ACTION) -> None:
    desk.ledger.close(desk.incidents()[-1], Closing(outcome, desk.clock.now(), "so"))


def test_triage_opens_incidents_for_the_alerts_that_are_routed_to_it() -> None:
    assert {each.name for each in ALERTS if each.heals} == HEALS


def test_an_alert_that_a_verdict_bears_out_opens_an_incident_and_starts_its_heal(desk: Desk) -> None:
    desk.judged()
    assert desk.take(alert()) == {"opened": 1}
    (incident,) = desk.incidents()
    assert (incident.alert, incident.window) == ("ModelmedicDrift", WINDOW)
    assert desk.workflows.heals == {incident.id: "heal-churn"}
    assert desk.events() == ["incident.opened", "heal.started"]


def looked(desk: Desk, *, due: bool, at: datetime = NOW) -> None:
    keep(desk.store, ageing_key("churn", at), AgeingLook(at, "churn", "1", due, "its age has cost 104 %-days"))


PAYS = alert(labels={"alertname": "ModelmedicRetrainingPays"})


def test_a_training_that_pays_opens_an_incident_once(desk: Desk) -> None:
    looked(desk, due=True)
    assert desk.take(PAYS) == {"opened": 1}
    (incident,) = desk.incidents()
    assert (incident.alert, incident.window.end) == ("ModelmedicRetrainingPays", NOW)
    close(desk, Outcome.REJECTED)
    assert desk.take(PAYS) == {"refused": 1}, "the look has been answered"
    assert len(desk.incidents()) == 1


@pytest.mark.parametrize(("due", "age"), [(None, timedelta(0)), (False, timedelta(0)), (True, timedelta(days=15))])
def test_an_alert_that_no_look_bears_out_teaches_nothing(desk: Desk, due: bool | None, age: timedelta) -> None:
    desk.judged()  # a drift is no evidence of age
    if due is not None:
        looked(desk, due=due, at=NOW - age)
    assert desk.take(PAYS) == {"refused": 1}
    assert desk.incidents() == ()


def test_an_alert_without_an_alarming_verdict_is_refused_and_recorded(desk: Desk) -> None:
    desk.judged(VerdictState.QUIET)
    assert desk.take(alert()) == {"refused": 1}
    assert (desk.incidents(), desk.workflows.heals) == ((), {})
    assert "an alert alone is no evidence" in desk.records()[0].facts["sentence"]


def test_the_incident_that_the_monitor_opened_gets_the_alert_as_evidence_and_a_heal(desk: Desk) -> None:
    opened, _ = desk.ledger.open_incident("churn", POLICIES["churn"].hash, WINDOW, "drift-verdict", {})
    assert desk.take(alert()) == {"attached": 1}
    assert desk.workflows.heals == {opened.id: "heal-churn"}
    assert [document["alert"] for document in desk.ledger.evidence(opened)] == ["ModelmedicDrift"]


@pytest.mark.parametrize("name", ["ModelmedicReleaseBad", "ModelmedicRequestsFail", "ModelmedicSlow"])
def test_an_alert_about_a_release_or_the_service_belongs_to_the_incident_that_is_open_or_to_none(desk: Desk, name: str) -> None:
    desk.judged(VerdictState.DRIFTED)
    assert desk.take(alert(labels={"alertname": name, "model": "churn"})) == {"refused": 1}
    opened, _ = desk.ledger.open_incident("churn", POLICIES["churn"].hash, WINDOW, "release-audit", {})
    assert desk.take(alert(labels={"alertname": name, "model": "churn"})) == {"attached": 1}
    assert desk.workflows.heals == {opened.id: "heal-churn"}


def test_the_same_body_again_changes_nothing_more(desk: Desk) -> None:
    desk.judged()
    alerts = (alert(), alert(labels={"alertname": "ModelmedicDegraded"}), alert(labels={"model": "stranger"}))
    desk.take(*alerts)
    before = {key: desk.store.get(key).data for key in desk.store.list("")}
    desk.take(*alerts)
    after = {key: desk.store.get(key).data for key in desk.store.list("")}
    changed = {key for key in after if before.get(key) != after[key]}
    assert all("/evidence/" in key for key in changed)
    assert len(desk.workflows.heals) == 1


@pytest.mark.parametrize("writes", range(12))
def test_a_kill_at_any_write_leaves_one_incident_with_one_heal_after_the_next_run(desk: Desk, writes: int) -> None:
    desk.judged()
    with suppress(_Killed):
        replace(desk, store=cast(ObjectStore, _Dies(desk.store, writes))).take(*DRIFTED_AND_WORSE)
    desk.take(*DRIFTED_AND_WORSE)
    assert len(desk.incidents()) == 1
    assert list(desk.workflows.heals) == [desk.incidents()[0].id]
    assert desk.events().count("incident.opened") == 1
    assert desk.events().count("alert.attached") == 1


def test_two_pods_at_once_open_one_incident(desk: Desk) -> None:
    desk.judged()
    other = replace(desk, actor="pod-2")
    racing = replace(desk, store=cast(ObjectStore, _Interrupted(desk.store, lambda: other.take(alert()))))
    racing.take(alert())
    assert len(desk.incidents()) == 1
    assert len(desk.workflows.heals) == 1


def test_a_heal_that_could_not_be_started_is_started_by_the_next_run(desk: Desk) -> None:
    desk.judged()
    desk.workflows.refuses = Transient("the API is away")
    with pytest.raises(Transient):
        desk.take(alert())
    desk.workflows.refuses = None
    assert desk.take(alert()) == {"attached": 1}
    assert len(desk.workflows.heals) == 1


def test_one_models_trouble_keeps_no_other_waiting(desk: Desk) -> None:
    desk.judged(model="loans")
    desk.store.create(verdict_key("churn", "1", NOW), b"no verdict at all")
    with pytest.raises(Exception, match="is no verdict"):
        desk.take(alert(), alert(labels={"model": "loans"}))
    assert len(desk.incidents("loans")) == 1


@pytest.mark.parametrize("name", sorted({each.name for each in ALERTS if not each.heals and each.labels}))
def test_an_alert_for_people_is_noted_and_starts_nothing(desk: Desk, name: str) -> None:
    desk.judged()
    assert desk.take(alert(labels={"alertname": name})) == {}
    assert (desk.incidents(), desk.workflows.heals, desk.events()) == ((), {}, ["alert.noted"])


def test_an_alert_about_a_model_without_a_policy_is_refused(desk: Desk) -> None:
    desk.judged(model="stranger")
    assert desk.take(alert(labels={"model": "stranger"})) == {"refused": 1}
    assert desk.incidents("stranger") == ()
    assert desk.events(NOBODY) == ["alert.refused"]


def test_a_verdict_from_before_the_last_close_opens_no_second_incident(desk: Desk) -> None:
    """Alertmanager goes on telling until the next verdict is pushed."""
    desk.judged()
    desk.take(alert())
    desk.clock.sleep(HOUR)
    close(desk)
    assert desk.take(alert()) == {"refused": 1}
    desk.clock.sleep(HOUR)
    desk.judged(at=desk.clock.now())
    assert desk.take(alert()) == {"opened": 1}


@pytest.mark.parametrize(("state", "taken"), [(VerdictState.DRIFTED, "refused"), (VerdictState.BROKEN, "opened")])
def test_while_windows_still_hold_the_old_champions_rows_only_broken_data_counts(desk: Desk, state: VerdictState, taken: str) -> None:
    desk.judged()
    desk.take(alert())
    close(desk, Outcome.HEALED)
    desk.clock.sleep(HOUR)
    desk.judged(state, at=desk.clock.now())
    assert desk.take(alert()) == {taken: 1}


def test_a_body_that_is_no_alert_is_one_refusal_and_recorded_once(desk: Desk) -> None:
    for _ in range(3):
        answer = triage(desk, b"\xff not base64, not json", desk.said.append, desk.clock)
        assert answer == {"opened": "0", "attached": "0", "refused": "1"}
    assert desk.events(NOBODY) == ["alert.refused"]


def test_a_flood_of_nonsense_is_counted_and_not_recorded_one_by_one(desk: Desk) -> None:
    nonsense = [alert(fingerprint=f"{number}") for number in range(MOST_ALERTS)]
    assert desk.take(*nonsense) == {"refused": MOST_ALERTS}
    assert len(desk.records(NOBODY)) == 21
    assert desk.records(NOBODY)[-1].facts["count"] == MOST_ALERTS - 20


@pytest.mark.parametrize("hostile", ["{{=sprig.env('TOKEN')}}", "x\n--incident=y", "../../control/freeze", "$(id)"])
def test_nothing_hostile_reaches_a_workflow(desk: Desk, hostile: str) -> None:
    desk.judged()
    desk.take(alert(), alert(labels={"model": hostile}), alert(labels={"alertname": hostile}), alert(annotations={"x": hostile}))
    (incident,) = desk.incidents()
    assert desk.workflows.heals == {incident.id: "heal-churn"}
    assert hostile not in str(incident)


def test_what_alertmanager_left_out_is_said(desk: Desk) -> None:
    desk.take(truncatedAlerts=7)
    assert desk.events(NOBODY) == ["alert.truncated"]
    assert "left out 7 alerts" in desk.said[0]


class _Killed(BaseException):
    pass


class _Dies:
    """A store whose process is killed before its n-th write."""

    def __init__(self, store: ObjectStore, writes: int) -> None:
        self._store, self._left = store, writes

    def __getattr__(self, name: str) -> Any:
        if name in ("create", "swap"):
            if not self._left:
                raise _Killed
            self._left -= 1
        return getattr(self._store, name)


class _Interrupted:
    """A store where somebody else is as quick as they can be, right before the first write."""

    def __init__(self, store: ObjectStore, other: Any) -> None:
        self._store, self._other = store, other

    def __getattr__(self, name: str) -> Any:
        if name == "create" and self._other is not None:
            other, self._other = self._other, None
            other()
        return getattr(self._store, name)
