"""Autonomy by what came of the past: it falls at once after harm, and may be proposed to rise where
the judged outcomes carry it. Called by the diagnose stage, the sweep and the command autonomy.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from modelmedic.steps.contracts.autonomy import AutonomyRestore
from modelmedic.steps.contracts.incident import Closing, Incident
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.words import Autonomy, Cause, Outcome, Remedy
from modelmedic.steps.core.decision.rules import lower
from modelmedic.steps.core.review.rules import lowered

EARNED: Final = (Remedy.QUARANTINE, Remedy.ROLLBACK, Remedy.RECALIBRATE, Remedy.RETRAIN)  # those that have a level


@dataclass(frozen=True, slots=True)
class Harm:
    """A remedy that made things worse, or that a person undid. `stated` is the level of the policy
    that it was decided under, `document` the key of what says so.
    """

    remedy: Remedy
    incident: str
    at: datetime
    stated: Autonomy
    sentence: str
    document: str


@dataclass(frozen=True, slots=True)
class Fall:
    """One step down in the autonomy of a remedy, for one harm."""

    remedy: Remedy
    before: Autonomy
    after: Autonomy
    harm: Harm

    @property
    def sentence(self) -> str:
        return f"autonomy of {self.remedy.value} falls from {self.before.value} to {self.after.value}: {self.harm.sentence}"


def falls(harms: Sequence[Harm], restores: Sequence[AutonomyRestore]) -> tuple[Fall, ...]:
    """The falls that nobody has lifted, oldest first: a step for each harm, from the lower of the
    level that its policy stated and the one to which it had fallen, and never below suggest.
    """
    lifted = {(restore.remedy, incident) for restore in restores for incident in restore.incidents}
    found: list[Fall] = []
    for harm in sorted(harms, key=lambda each: (each.at, each.incident)):
        before = lower(harm.stated, levels(found).get(harm.remedy))
        if (harm.remedy, harm.incident) not in lifted and before.rank > Autonomy.SUGGEST.rank:
            found.append(Fall(harm.remedy, before, lowered(before), harm))
    return tuple(found)


def levels(found: Sequence[Fall]) -> Mapping[Remedy, Autonomy]:
    """The level to which each remedy has fallen; `found` is oldest first."""
    return {each.remedy: each.after for each in found}


@dataclass(frozen=True, slots=True)
class Standing:
    """The level of one remedy that the policy states and the one in force; `because` are the falls
    that nobody has lifted.
    """

    model: str
    remedy: Remedy
    stated: Autonomy
    in_force: Autonomy
    because: tuple[str, ...] = ()


def standings(policy: Policy, found: Sequence[Fall]) -> tuple[Standing, ...]:
    """The standing of every remedy of the policy's model."""
    return tuple(_standing(policy, remedy, [each for each in found if each.remedy is remedy]) for remedy in EARNED)


def _standing(policy: Policy, remedy: Remedy, found: Sequence[Fall]) -> Standing:
    stated = policy.autonomy.level(remedy)
    in_force = lower(stated, levels(found).get(remedy))
    return Standing(policy.name, remedy, stated, in_force, tuple(each.sentence for each in found))


def taken_back(ended: Sequence[tuple[Incident, Closing]], blamed: Mapping[str, Cause]) -> Iterator[tuple[Incident, Incident]]:
    """The heals whose version a rollback took back as a bad release, each with the incident that
    did; `ended` is oldest first, and `blamed` has the causes of the rollbacks by incident.
    """
    for number, (incident, closing) in enumerate(ended):
        if closing.outcome is Outcome.ROLLED_BACK and blamed.get(incident.id) is Cause.BAD_RELEASE:
            released = (one for one, by in reversed(ended[:number]) if by.outcome is Outcome.HEALED and _put(by, closing))
            heal = next(released, None)
            if heal is not None:
                yield heal, incident


def _put(heal: Closing, rollback: Closing) -> bool:
    """True where the heal put in place the version that the rollback took away."""
    return heal.champion_after is not None and heal.champion_after == rollback.champion_before
