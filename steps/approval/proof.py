"""The proof of an answer: its signature, looked at anew by whoever acts on the answer. What is
stored as verified is believed by nobody, because whoever may write to the store can store it.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from modelmedic.steps.adapters.ssh import holds
from modelmedic.steps.contracts.errors import BadInput, NotFound, Refused
from modelmedic.steps.contracts.incident import Answer, Incident
from modelmedic.steps.contracts.policy import Approval
from modelmedic.steps.contracts.ports import Clock, ObjectStore
from modelmedic.steps.contracts.results import APPROVALS
from modelmedic.steps.core.decision.approval import stage_of
from modelmedic.steps.core.decision.proof import NAMESPACE, document, unfit
from modelmedic.steps.core.records.chain import ChainFault
from modelmedic.steps.records.ledger import Ledger
from modelmedic.steps.records.policies import policy_of

Sign = Callable[[bytes], str]  # the signature of a document; empty where the person has no key at hand


def unsigned(_document: bytes) -> str:
    """A `Sign` that signs nothing."""
    return ""


def signed(incident: Incident, answer: Answer, approval: Approval, sign: Sign) -> Answer:
    """The answer with its signature, verified. Raises Refused where the policy lists keys and none
    of that person signed it, and where it lists none and it is signed all the same.
    """
    given = replace(answer, signature=sign(document(incident, stage_of(answer.digest), answer)))
    if not approval.signers and given.signature:
        raise Refused(f"the policy of {incident.model} lists no keys (approval.signers), so a signature proves nothing; leave it out")
    if approval.signers and (reason := why_unproved(incident, given, approval)):
        raise Refused(
            f"the answer of {answer.by} does not count: {reason}; expected it signed by a key of {answer.by} (--key or --signature)"
        )
    return replace(given, verified=bool(approval.signers))


def why_unproved(incident: Incident, answer: Answer, approval: Approval) -> str:
    """The reason why nothing proves that the person gave this answer; empty where a key that the
    policy lists for that name signed it. Raises BadInput where `ssh-keygen` is missing.
    """
    keys = tuple(signer.key for signer in approval.signers if signer.name == answer.by)
    if not keys:
        return f"approval.signers lists no key of {answer.by}"
    if reason := unfit(answer.signature, keys):
        return reason
    said = document(incident, stage_of(answer.digest), answer)
    good = any(not unfit(answer.signature, (key,)) and holds(said, answer.signature, key, NAMESPACE) for key in keys)
    return "" if good else "its signature is not of this answer: it was made for another one, or changed since"


def proved(incident: Incident, answers: tuple[Answer, ...], approval: Approval) -> tuple[Answer, ...]:
    """The answers, each verified only where its signature holds now."""
    return tuple(replace(answer, verified=not why_unproved(incident, answer, approval)) for answer in answers)


def unproved_answers(store: ObjectStore, clock: Clock, model: str) -> Iterator[ChainFault]:
    """A fault for each answer that is stored as proved and is not, and for each approval under
    listed keys by a person whose signed yes is not there. Called by `modelmedic audit verify`.
    """
    ledger, of = Ledger(store, clock), f"model {model}"
    try:
        for incident in ledger.incidents(model):
            of = f"incident {incident.id}"
            yield from (ChainFault(0, f"{of}: {said}") for said in _faults(store, ledger, incident))
    except (BadInput, NotFound, Refused) as error:
        yield ChainFault(0, f"the answers of {of}, and of incidents after it, cannot be verified: {error}")


def _faults(store: ObjectStore, ledger: Ledger, incident: Incident) -> Iterator[str]:
    answers = ledger.answers(incident)
    decided = [found for kind in APPROVALS.values() if (found := ledger.result(incident, kind)) is not None]
    if not answers and not decided:
        return
    approval = policy_of(store, incident).approval
    for number, answer in enumerate(answers, 1):
        if (answer.verified or answer.signature) and (reason := why_unproved(incident, answer, approval)):
            yield f"answer {number} by {answer.by} is stored as proved, and {reason}"
    signed = {answer.by for answer in proved(incident, answers, approval) if answer.verified and answer.approved}
    for each in decided:
        if strangers := [by for by in each.by if each.decision == "approved" and approval.signers and by not in signed]:
            yield f"{', '.join(strangers)} approved by the record of stage {each.name}, and no signed answer says so"
