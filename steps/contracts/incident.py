"""The incident: the long claim on a model, from the alert to the closing record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Cause, Outcome, Remedy

BY_HAND: Final = "by-hand"  # the alert of an incident that a person opened
SERVICE: Final = "service-sick"  # the alert of an incident that the sweep opened, because the champion fails its callers


@dataclass(frozen=True, slots=True)
class Incident:
    """Written once when opened; everything later is an object of its own beside it."""

    id: str  # <slug of the model, hash>-<epoch>, [a-z0-9-]{8,63}
    model: str
    epoch: int  # counts the model's incidents, from 1
    policy_hash: str
    opened_at: datetime
    window: Window
    alert: str  # which alert or who opened it
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def started_by(self) -> str:
        """The person who opened it by hand: the name that was given, else the login of who acted.
        Empty for one that an alert opened.
        """
        if self.alert != BY_HAND:
            return ""
        actor = self.facts.get("by", "")
        return self.facts.get("person") or actor.rpartition("@")[0] or actor

    @property
    def taken_up(self) -> Remedy | None:
        """The remedy of the suggestion that a person took up with it; None for any other."""
        named = self.facts.get("remedy") if self.alert == BY_HAND and self.facts.get("took_up") else None
        return Remedy(named) if named in set(Remedy) else None

    @property
    def ruled(self) -> Cause | None:
        """The cause that a person named where the loop could not tell; None for any other."""
        named = self.facts.get("cause") if self.alert == BY_HAND and self.facts.get("ruled_on") else None
        return Cause(named) if named in set(Cause) else None


@dataclass(frozen=True, slots=True)
class Closing:
    """The last word on an incident."""

    outcome: Outcome
    at: datetime
    sentence: str
    champion_before: str | None = None
    champion_after: str | None = None
    effective: bool | None = None  # told later, once labels after the heal have matured
    by_error: bool = False  # closed because a step broke, not because of a decision
    judged: bool = True  # false of a canary that was taken back because too few asked it


@dataclass(frozen=True, slots=True)
class Answer:
    """A person's answer to an approval request, bound to the digest of the model in question.
    `verified` says that `signature` held when it was given; whoever acts on it looks anew.
    """

    approved: bool
    by: str
    at: datetime
    digest: str
    reason: str = ""
    verified: bool = False
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Assessment:
    """The judgement, once labels after the heal have matured, on whether the heal helped: the new
    version loses less than the version before, asked about the same rows. Where the labels do not
    tell them apart (`told_apart` False), `effective` says only which of them lost less.
    """

    effective: bool
    sentence: str
    at: datetime
    told_apart: bool = True
