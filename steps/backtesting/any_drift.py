"""What most drift detectors are wired to: an alarm retrains, whatever the cause, and nothing judges
the model that comes of it.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.backtesting.models import trained
from modelmedic.steps.backtesting.naive import history
from modelmedic.steps.backtesting.replayed_site import Stage, move_on
from modelmedic.steps.backtesting.result import ANY_DRIFT, Counts, Deed, Played
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.core.training.window import split
from modelmedic.steps.detection.monitor import monitor
from modelmedic.steps.training.evaluation import answered


def any_drift(stage: Stage, place: Path) -> Played:
    """The policy's own monitor and its persistence; an alarm teaches a model on retrain.history,
    and that serves from then on.
    """
    deeds: list[Deed] = []
    failed = 0
    while move_on(stage):
        seen = monitor(stage.site)
        if seen.incident is None:
            continue
        incident = stage.site.ledger.find(seen.incident)
        stage.site.ledger.close(incident, Closing(Outcome.ESCALATED, stage.clock.now(), "a drift alarm"))
        try:
            _replace(stage, place / f"{len(deeds) + failed}")
            deeds.append(Deed(stage.clock.now(), "retrained", seen.sentence))
        except BadInput:
            failed += 1
    counts = Counts(retrains=len(deeds), promotions=len(deeds), escalated=failed, incidents=len(deeds) + failed, fits=2 * len(deeds))
    return Played(ANY_DRIFT, stage.answers, counts, deeds)


def _replace(stage: Stage, place: Path) -> None:
    """A model of all that is known serves; its reference is what one of the older rows answers to
    the newer ones.
    """
    site, now = stage.site, stage.clock.now()
    rows = history(stage.past, now)
    plan = split(site.policy, np.asarray(pc.cast(rows[site.policy.data.time], pa.int64()).to_numpy(), dtype=np.int64))
    if not plan.enough:
        raise BadInput(plan.reason)
    older, newer = rows.slice(0, plan.rows), rows.slice(plan.rows)
    version = stage.serve(trained(site.policy, rows, place / "whole"), f"drift-{now:%Y%m%dT%H%M%S}")
    site.references.keep(version, answered(newer, version, trained(site.policy, older, place / "older")(newer)))
