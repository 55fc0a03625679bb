"""The way that most drift detectors are wired to: an alarm retrains, whatever the cause, and
nothing judges the new model.
"""

from pathlib import Path

from modelmedic.steps.backtesting.models import train_on
from modelmedic.steps.backtesting.replayed_site import ReplayedSite, next_look
from modelmedic.steps.backtesting.result import ANY_DRIFT, Deed, DeedCounts, PlayedWay
from modelmedic.steps.backtesting.taught import known_history
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.core.tables.moments import microseconds
from modelmedic.steps.core.training.training_rows import split
from modelmedic.steps.detection.monitor import monitor
from modelmedic.steps.training.evaluation import with_answers


def any_drift(replayed: ReplayedSite, place: Path) -> PlayedWay:
    """Play the policy's own monitor; an incident trains a model on retrain.history, and the new
    model serves from then on.
    """
    deeds: list[Deed] = []
    failed = 0
    while next_look(replayed):
        seen = monitor(replayed.site, compare=False)
        if seen.incident is None:
            continue
        incident = replayed.site.ledger.find(seen.incident)
        replayed.site.ledger.close(incident, Closing(Outcome.ESCALATED, replayed.clock.now(), "a drift alarm"))
        try:
            _replace(replayed, place / f"{len(deeds) + failed}")
            deeds.append(Deed(replayed.clock.now(), "retrained", seen.sentence))
        except BadInput:
            failed += 1
    counts = DeedCounts(
        retrains=len(deeds), promotions=len(deeds), escalated=failed, incidents=len(deeds) + failed, fits=2 * len(deeds), calls=failed
    )
    return PlayedWay(ANY_DRIFT, replayed.answers, counts, deeds)


def _replace(replayed: ReplayedSite, place: Path) -> None:
    """Serve a model of all known rows. Its reference is the answers that a model of the older rows
    gives to the newer ones.
    """
    site, now = replayed.site, replayed.clock.now()
    rows = known_history(replayed.past, now)
    plan = split(site.policy, microseconds(rows[site.policy.data.time]))
    if not plan.enough:
        raise BadInput(plan.reason)
    older, newer = rows.slice(0, plan.rows), rows.slice(plan.rows)
    version = replayed.serve(train_on(site.policy, rows, place / "whole"), f"drift-{now:%Y%m%dT%H%M%S}")
    site.references.keep(version, with_answers(newer, version, train_on(site.policy, older, place / "older")(newer)))
