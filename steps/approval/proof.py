"""The proof of an answer: its signature, or the word of the cluster's API server on who gave it,
looked at anew by whoever acts on the answer. What is stored as verified is believed by nobody,
because whoever may write to the store can store it.
"""

from collections.abc import Callable, Collection, Iterator
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

Givers = Callable[[str, bytes], Collection[str]]  # who gave that document about that incident, by the cluster's API server
Sign = Callable[[bytes], str]  # the signature of a document; empty where the person has no key at hand


def unsigned(_document: bytes) -> str:
    """A `Sign` that signs nothing."""
    return ""


def signed(incident: Incident, answer: Answer, approval: Approval, sign: Sign, givers: Givers | None = None) -> Answer:
    """The answer with its signature, verified. Raises Refused where the policy lists keys and none
    of that person signed it, where it lists none and it is signed all the same, and where the
    cluster is to prove who gave it and does not.
    """
    given = replace(answer, signature=sign(document(incident, stage_of(answer.digest), answer)))
    if not approval.proves and given.signature:
        raise Refused(f"the policy of {incident.model} lists no keys (approval.signers), so a signature proves nothing; leave it out")
    if approval.proves and (reason := why_unproved(incident, given, approval, givers)):
        how = "signed by a key of" if approval.signers else "given with the cluster's credentials of"
        option = "--key or --signature" if approval.signers else "--kube"
        raise Refused(f"the answer of {answer.by} does not count: {reason}; expected it {how} {answer.by} ({option})")
    return replace(given, verified=approval.proves)


def why_unproved(incident: Incident, answer: Answer, approval: Approval, givers: Givers | None = None) -> str:
    """The reason why nothing proves that the person gave this answer; empty where a key that the
    policy lists for that name signed it, or where the cluster's API server says so. Raises BadInput
    where `ssh-keygen` is missing, Transient where the API server does not answer.
    """
    if approval.kubernetes:
        return _why_not_given(incident, answer, givers)
    keys = tuple(signer.key for signer in approval.signers if signer.name == answer.by)
    if not keys:
        return f"approval.signers lists no key of {answer.by}"
    if reason := unfit(answer.signature, keys):
        return reason
    said = document(incident, stage_of(answer.digest), answer)
    good = any(not unfit(answer.signature, (key,)) and holds(said, answer.signature, key, NAMESPACE) for key in keys)
    return "" if good else "its signature is not of this answer: it was made for another one, or changed since"


def _why_not_given(incident: Incident, answer: Answer, givers: Givers | None) -> str:
    if givers is None:
        return "nothing here asks the cluster's API server who gave it"
    try:
        users = givers(incident.id, document(incident, stage_of(answer.digest), answer))
    except (BadInput, NotFound, Refused) as error:
        return f"the cluster's API server does not say who gave it ({error})"
    if answer.by in users:
        return ""
    return f"by the cluster's API server it was given by {', '.join(sorted(users)) or 'nobody'}"


def proved(incident: Incident, answers: tuple[Answer, ...], approval: Approval, givers: Givers | None = None) -> tuple[Answer, ...]:
    """The answers, each verified only where its proof holds now."""
    return tuple(replace(answer, verified=not why_unproved(incident, answer, approval, givers)) for answer in answers)


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
    if approval.kubernetes:
        return  # the proof is not in the store: it was looked at by the steps, while the Workflow was there
    for number, answer in enumerate(answers, 1):
        if (answer.verified or answer.signature) and (reason := why_unproved(incident, answer, approval)):
            yield f"answer {number} by {answer.by} is stored as proved, and {reason}"
    signed = {answer.by for answer in proved(incident, answers, approval) if answer.verified and answer.approved}
    for each in decided:
        if strangers := [by for by in each.by if each.decision == "approved" and approval.signers and by not in signed]:
            yield f"{', '.join(strangers)} approved by the record of stage {each.name}, and no signed answer says so"
