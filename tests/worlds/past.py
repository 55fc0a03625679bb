"""Past incidents as a review needs them: what a test does not name is made up."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.incident import Closing, Incident
from modelmedic.steps.contracts.keys import incident_id, incident_key, model_hash, policy_key
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.contracts.results import CanaryStep, DeployResult, UndoResult
from modelmedic.steps.contracts.training import Gate, Validation
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Cause, Outcome, Remedy
from modelmedic.steps.core.decision.rules import decide
from modelmedic.steps.core.review.past import PastIncident
from modelmedic.steps.records.documents import keep
from modelmedic.steps.records.ledger import Ledger
from tests.worlds import results
from tests.worlds.played import policy

START = datetime(2025, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
DRIFT = Diagnosis(Cause.CONCEPT_DRIFT, 0.9, harm="shown", sentence="the law turned")
BROKEN = Diagnosis(Cause.DATA_QUALITY, 0.97, ("age",), sentence="age is empty")
ACTS = {"retrain": "act"}
GATES = (
    Gate("no_worse", True, "not worse", 0.02, -0.0, 0.01, 0.03),
    Gate("worth_it", True, "it gains", 0.02, 0.0, 0.01, 0.03),
    Gate("latency", True, "it is quick", 40.0, 200.0),
)


def incident(number: int, at: datetime, rules: Policy, **fields: Any) -> Incident:
    """The model's incident of this number, opened then."""
    return Incident(incident_id("churn", number), "churn", number, rules.hash, at, Window(at - 7 * DAY, at), "ModelmedicDegraded", **fields)


def past(number: int = 1, *, day: int = 0, found: Diagnosis = DRIFT, outcome: Outcome, rules: Policy | None = None) -> PastIncident:
    """An incident that was decided by its policy's rules, without limits, and ended so."""
    rules = rules or policy(autonomy=ACTS)
    at = START + day * DAY
    diagnosed = replace(results.diagnosed(found=found), decision=decide(found, rules))
    return PastIncident(incident(number, at, rules), rules, diagnosed, Closing(outcome, at + timedelta(hours=2), "so"))


def judged(one: PastIncident, *gates: Gate) -> PastIncident:
    """The incident with a challenger that these gates judged, or three that it passes."""
    validation = Validation("2", "d" * 64, gates or GATES)
    return replace(one, validated=replace(results.validated("2", "d" * 64), validation=validation))


def healed(number: int = 1, *, day: int = 0, rules: Policy | None = None) -> PastIncident:
    """A heal that went all the way."""
    one = judged(past(number, day=day, outcome=Outcome.HEALED, rules=rules))
    return replace(one, deployed=DeployResult("healed", "1", "2", "so", (CanaryStep(20, 400, 1), CanaryStep(50, 900, 2))))


def quarantined(number: int = 1, *, day: int = 0, rules: Policy | None = None) -> PastIncident:
    """Broken rows that were set aside."""
    one = past(number, day=day, found=BROKEN, outcome=Outcome.QUARANTINED, rules=rules)
    assert one.found.decision.acted is Remedy.QUARANTINE
    return one


def kept(store: ObjectStore, incidents: Iterable[PastIncident]) -> None:
    """Writes the incidents into the store, as the loop would have."""
    ledger = Ledger(store, PlayedClock(START))
    for one in incidents:
        keep(store, policy_key(one.policy.hash), one.policy)
        keep(store, incident_key(model_hash(one.incident.model), one.incident.epoch, "opened.json"), one.incident)
        for result in (one.found, one.retrained, one.validated, one.asked, one.deployed):
            if result is not None:
                ledger.record(one.incident, result)
        for answer in one.answers:
            ledger.answer(one.incident, answer)
        ledger.close(one.incident, one.closing)
        if one.assessment is not None:
            ledger.assess(one.incident, one.assessment.effective, one.assessment.sentence, told_apart=one.assessment.told_apart)
        if one.undone:
            ledger.record(one.incident, UndoResult(one.closing.at + DAY, "ann"))
