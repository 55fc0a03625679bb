"""The autonomy that a model's remedies have left after harm: read off the records, so that nothing
can be lost between a harm and its fall. Called by the diagnose stage, the sweep and the command
autonomy.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from modelmedic.steps.contracts.audit import Phase
from modelmedic.steps.contracts.autonomy import AutonomyRestore
from modelmedic.steps.contracts.errors import BadInput, NotFound, Refused
from modelmedic.steps.contracts.formats import parse
from modelmedic.steps.contracts.incident import Assessment, Closing, Incident
from modelmedic.steps.contracts.keys import autonomy_key, incident_key, model_hash, stage_key
from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.contracts.ports import Clock, ObjectStore
from modelmedic.steps.contracts.results import DiagnoseResult, UndoResult
from modelmedic.steps.contracts.words import Autonomy, Outcome, Remedy
from modelmedic.steps.core.review.autonomy import EARNED, Fall, Harm, falls, taken_back
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.documents import keep
from modelmedic.steps.records.ledger import Ledger
from modelmedic.steps.records.policies import policy_of
from modelmedic.steps.runtime.run import Site

_AT_ONCE: Final = 16  # reads under way, as review/past.py
_LATELY: Final = timedelta(days=7)  # within which a fall is recorded that a killed process left unrecorded, whatever fell since
_CHANGED: Final = (Outcome.HEALED, Outcome.ROLLED_BACK)  # outcomes that are assessed, and can be undone


@dataclass(frozen=True, slots=True)
class _Ended:
    """A closed incident that changed what serves, and what was said of it since."""

    incident: Incident
    closing: Closing
    assessment: Assessment | None
    undone: UndoResult | None

    @property
    def hashed(self) -> str:
        return model_hash(self.incident.model)


def standing_falls(store: ObjectStore, clock: Clock, model: str) -> tuple[Fall, ...]:
    """The falls of the model's autonomy that nobody has lifted, oldest first."""
    return falls(harms(store, clock, model), restores(store, model))


def harms(store: ObjectStore, clock: Clock, model: str) -> tuple[Harm, ...]:
    """Every recorded harm by a remedy: a heal that was assessed and lost, that a person undid, or
    whose version was taken back as a bad release.
    """
    ledger = Ledger(store, clock)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        read = pool.map(lambda incident: _ended(ledger, incident), ledger.incidents(model))
        ended = [each for each in read if each is not None]
    found = (*_by_word(store, ledger, ended), *_by_rollback(store, ledger, ended))
    return tuple({(each.incident, each.remedy): each for each in sorted(found, key=lambda each: each.at, reverse=True)}.values())


def restores(store: ObjectStore, model: str) -> tuple[AutonomyRestore, ...]:
    """The restores that people gave, in their order."""
    keys = sorted(store.list(f"{autonomy_key(model, 0).rpartition('/')[0]}/"))
    return tuple(parse(AutonomyRestore, store.get(key).data, key) for key in keys)


def note_falls(site: Site) -> tuple[str, ...]:
    """Record each fall once and tell the owner; a sentence for each that was recorded now. It holds
    without that: whoever decides reads what it rests on.
    """
    found = standing_falls(site.store, site.clock, site.model)
    fresh = [each for each in found if each is found[-1] or each.harm.at > site.clock.now() - _LATELY]
    return tuple(each.sentence for each in fresh if _note(site, each))


def restore(
    store: ObjectStore, clock: Clock, model: str, remedy: Remedy, *, by: str, reason: str, dry_run: bool = False
) -> AutonomyRestore:
    """Give a remedy back the autonomy that its policy states, in the name of a person. It is
    recorded before it counts; giving it twice changes nothing more.

    Raises BadInput without a reason or where nothing has fallen, StoreError when it cannot be
    recorded.
    """
    if not reason:
        raise BadInput("the restore of autonomy has no reason; expected --reason with what makes the remedy safe again")
    trail, given = AuditTrail(store, model, clock, by), restores(store, model)
    fallen = [each for each in falls(harms(store, clock, model), given) if each.remedy is remedy]
    if not fallen:
        return _given_before(trail, model, remedy, given)
    concerned = sorted({each.incident for each in harms(store, clock, model) if each.remedy is remedy})
    order = AutonomyRestore(model, remedy, tuple(concerned), by, reason, clock.now())
    number = len(given) + 1
    if not dry_run:
        _record(trail, order, number, Phase.INTENT)
        order, _ = keep(store, autonomy_key(model, number), order)
        _record(trail, order, number, Phase.OUTCOME)
    return order


def _given_before(trail: AuditTrail, model: str, remedy: Remedy, given: tuple[AutonomyRestore, ...]) -> AutonomyRestore:
    """The last restore of the remedy, recorded now if its process was killed before. Raises
    BadInput where there is none.
    """
    of_it = [(number, each) for number, each in enumerate(given, 1) if each.remedy is remedy]
    if not of_it or not _record(trail, of_it[-1][1], of_it[-1][0], Phase.OUTCOME):
        raise BadInput(f"autonomy of {remedy.value} of {model} has not fallen; nothing to restore")
    return of_it[-1][1]


def _record(trail: AuditTrail, order: AutonomyRestore, number: int, phase: Phase) -> bool:
    key = autonomy_key(order.model, number)
    facts = {"remedy": order.remedy, "incidents": order.incidents, "reason": order.reason, "by": order.by}
    documents = [key] if phase is Phase.OUTCOME else []
    return trail.once("autonomy.restored", key, facts=facts, documents=documents, since=order.at, phase=phase)


def _ended(ledger: Ledger, incident: Incident) -> _Ended | None:
    closing = ledger.closing(incident)
    if closing is None or closing.outcome not in _CHANGED:
        return None
    assessment = ledger.assessment(incident) if closing.effective is False else None
    return _Ended(incident, closing, assessment, ledger.result(incident, UndoResult))


def _by_word(store: ObjectStore, ledger: Ledger, ended: list[_Ended]) -> Iterator[Harm]:
    """The harms that an assessment or a person said."""
    for each in ended:
        said, undone = each.assessment, each.undone
        if said is not None and said.told_apart:
            key = incident_key(each.hashed, each.incident.epoch, "effective.json")
            yield from _harm(store, ledger, each.incident, f"heal {each.incident.id} did harm ({said.sentence})", key, said)
        if undone is not None:
            key = stage_key(each.hashed, each.incident.epoch, UndoResult.name)
            yield from _harm(store, ledger, each.incident, f"{undone.by} undid heal {each.incident.id}", key, undone)


def _by_rollback(store: ObjectStore, ledger: Ledger, ended: list[_Ended]) -> Iterator[Harm]:
    """The harms of heals whose version was taken back."""
    closings = {each.incident.id: each.closing for each in ended}
    rollbacks = (each.incident for each in ended if each.closing.outcome is Outcome.ROLLED_BACK)
    causes = {each.id: found.diagnosis.cause for each in rollbacks if (found := ledger.result(each, DiagnoseResult))}
    for heal, rollback in taken_back([(each.incident, each.closing) for each in ended], causes):
        key = incident_key(model_hash(heal.model), rollback.epoch, "closed.json")
        sentence = f"version {closings[heal.id].champion_after} of heal {heal.id} was taken back by {rollback.id}"
        yield from _harm(store, ledger, heal, sentence, key, closings[rollback.id])


def _harm(
    store: ObjectStore, ledger: Ledger, incident: Incident, sentence: str, key: str, said: Assessment | UndoResult | Closing
) -> Iterator[Harm]:
    found = ledger.result(incident, DiagnoseResult)
    if found is not None and found.decision.remedy in EARNED:
        yield Harm(found.decision.remedy, incident.id, said.at, _stated(store, incident, found), sentence, key)


def _stated(store: ObjectStore, incident: Incident, found: DiagnoseResult) -> Autonomy:
    """The level in the policy that the incident was decided under; where that cannot be read any
    more, the one that was decided, which is no higher.
    """
    try:
        return policy_of(store, incident).autonomy.level(found.decision.remedy)
    except (NotFound, BadInput, Refused):
        return found.decision.autonomy


def _note(site: Site, fall: Fall) -> bool:
    harm = fall.harm

    def tell() -> None:
        back = f"`modelmedic autonomy restore {site.model} {fall.remedy.value} --reason WHY` gives it back"
        summary = f"{site.model}: {fall.remedy.value} may do less by itself"
        site.tell("autonomy.fell", Severity.INFO, site.policy.metadata.owner, summary, f"{fall.sentence}; {back}", harm.incident)

    facts = {"remedy": fall.remedy, "before": fall.before, "after": fall.after, "sentence": fall.sentence}
    key, documents = f"autonomy.fell/{harm.incident}/{fall.remedy.value}", [harm.document]
    return site.once("autonomy.fell", key, facts, incident=harm.incident, documents=documents, since=harm.at, first=tell)
