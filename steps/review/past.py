"""The closed incidents of a model, read from the ledger with what was recorded of each; called by
the commands replay and rules.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import Clock, ObjectStore
from modelmedic.steps.contracts.results import REQUESTS, DeployResult, DiagnoseResult, RetrainResult, UndoResult, ValidateResult
from modelmedic.steps.core.review.past import PastIncident
from modelmedic.steps.records.ledger import Ledger
from modelmedic.steps.records.policies import policy_of

_AT_ONCE = 16  # reads under way: a store across the network takes milliseconds for each of some ten an incident


def past_incidents(store: ObjectStore, clock: Clock, model: str, since: datetime | None = None) -> tuple[PastIncident, ...]:
    """The closed incidents of the model that have a diagnosis and were opened from `since` on,
    oldest first.

    Raises BadInput for a record that cannot be read, and NotFound or Refused where the policy of
    an incident is not in the store.
    """
    ledger = Ledger(store, clock)
    wanted = [incident for incident in ledger.incidents(model) if since is None or incident.opened_at >= since]
    policies = {incident.policy_hash: policy_of(store, incident) for incident in {each.policy_hash: each for each in wanted}.values()}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(lambda incident: _read(ledger, incident, policies[incident.policy_hash]), wanted)
        return tuple(each for each in found if each is not None)


def _read(ledger: Ledger, incident: Incident, policy: Policy) -> PastIncident | None:
    closing, found = ledger.closing(incident), ledger.result(incident, DiagnoseResult)
    if closing is None or found is None:
        return None
    requests = (ledger.result(incident, kind) for kind in REQUESTS.values())
    return PastIncident(
        incident,
        policy,
        found,
        closing,
        retrained=ledger.result(incident, RetrainResult),
        validated=ledger.result(incident, ValidateResult),
        asked=next((request for request in requests if request is not None), None),
        answers=ledger.answers(incident),
        deployed=ledger.result(incident, DeployResult),
        assessment=ledger.assessment(incident),
        undone=ledger.result(incident, UndoResult) is not None,
    )
