"""The ruling on an approval request: approvals bound to the model's digest, a rejection, or still
waiting. Called by approve.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from modelmedic.steps.contracts.incident import Answer
from modelmedic.steps.contracts.policy import Approval
from modelmedic.steps.contracts.window import format_duration

REMEDY: Final = "remedy"  # an answer to `approve-remedy` is bound to this word, because it is about no model
ROWS: Final = "quarantine"  # an answer about quarantined rows is bound to this word, for the same reason
Decided = Literal["approved", "rejected", "waiting"]


@dataclass(frozen=True, slots=True)
class Ruling:
    """The decision with its sentence. `by` are the people whose answers decided; `verified` when
    every one of them proved who they are.
    """

    decision: Decided
    sentence: str
    by: tuple[str, ...] = ()
    verified: bool = False


def stage_of(digest: str) -> str:
    """The question that an answer with this digest is about."""
    return {REMEDY: "approve-remedy", ROWS: ROWS}.get(digest, "approve")


def rule_on_answers(
    answers: tuple[Answer, ...], approval: Approval, digest: str, asked_at: datetime, now: datetime, started_by: str = ""
) -> Ruling:
    """The ruling so far: any rejection from a person who may answer rejects; enough approvals
    approve; silence past the timeout rejects.

    An answer about another digest, from a person whom the policy does not list, or given after the
    timeout does not count; nor does one without proof where the policy lists keys, nor an approval
    without where the cluster is to prove it (a rejection holds back, and counts), nor an approval
    by the person who started the heal.
    """
    until = asked_at + approval.timeout
    counted = [a for a in answers if a.digest == digest and _may(a, approval, started_by) and a.at < until]
    if no := next((a for a in counted if not a.approved), None):
        return Ruling("rejected", f"{_who(no)} rejected{_reason(no)}", (no.by,), no.verified)
    yes = list({a.by: a for a in counted}.values())
    needed = 2 if approval.twoPerson else 1
    if len(yes) >= needed:
        people = " and ".join(_who(a) for a in yes[:needed])
        return Ruling(
            "approved", f"{people} approved{_reason(yes[0])}", tuple(a.by for a in yes[:needed]), all(a.verified for a in yes[:needed])
        )
    if now >= until:
        return Ruling("rejected", f"nobody approved within {format_duration(approval.timeout)}, which counts as a rejection")
    missing = f"{needed - len(yes)} more approval" if yes else "an answer"
    return Ruling("waiting", f"waiting for {missing} until {until:%Y-%m-%dT%H:%MZ}", tuple(a.by for a in yes))


def _may(answer: Answer, approval: Approval, started_by: str) -> bool:
    listed = not approval.people or answer.by in approval.people
    proof = answer.verified or not approval.proves or (approval.kubernetes and not answer.approved)
    return listed and proof and not (answer.approved and answer.by == started_by)


def _who(answer: Answer) -> str:
    return answer.by if answer.verified else f"{answer.by} (unverified)"


def _reason(answer: Answer) -> str:
    return f": {answer.reason}" if answer.reason else ""
