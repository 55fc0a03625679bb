"""The reach of a remedy, as the question about it says: how much of the traffic, how many requests
that is, and the other models that read the same rows.
"""

from collections.abc import Iterator
from typing import Final

from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.results import DiagnoseResult
from modelmedic.steps.contracts.window import format_duration
from modelmedic.steps.contracts.words import Remedy
from modelmedic.steps.records.policies import readers_of_the_same_rows
from modelmedic.steps.runtime.run import Run

_NAMED: Final = 5  # of the other models


def reach(run: Run, found: DiagnoseResult) -> Iterator[str]:
    """A sentence each, the traffic first."""
    yield _traffic(run.site.policy, found.decision.wanted)
    if found.rows and found.window is not None:
        yield f"It answered at least {found.rows} requests in the {format_duration(found.window.length)} of the incident."
    others = readers_of_the_same_rows(run.site.store, run.site.policy)
    if others:
        more = f" and {len(others) - _NAMED} others" if len(others) > _NAMED else ""
        yield f"The same rows are read by {', '.join(others[:_NAMED])}{more}."


def _traffic(policy: Policy, remedy: Remedy) -> str:
    if remedy is Remedy.QUARANTINE:
        return "No traffic moves; the rows teach this model no more until a person releases them."
    if remedy is Remedy.ROLLBACK:
        return "The version before gets all of the traffic at once."
    shares = (*policy.rollout.steps, 100)
    steps = f"{', '.join(map(str, shares[:-1]))} and 100" if len(shares) > 1 else "100"
    return f"After a dark run it gets {steps} % of the traffic, judged at each share."
