"""The rehearsal of a retraining: small forests stand in for the model, and each way of weighting
the known rows is tried with them on the newest rows. Called by the retrain stage.

How much older rows still teach hangs on the rows more than on the learner, so two stand-ins tell
much of what the two models would: landmarkers (Pfahringer, Bensusan and Giraud-Carrier 2000). On
four real streams, looked at every fourth week, the model that was taught in the chosen way lost
0.97 to 1.00 of what the first way loses, where the best fixed way of each stream loses 0.99 to 1.00
and the worst 1.00 to 1.15 (bikes, seoul, flights, weather; the eight weeks after each look).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.results import TriedWay
from modelmedic.steps.contracts.training import TrainingPlan
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Remedy, Risk
from modelmedic.steps.core.tables.moments import microseconds
from modelmedic.steps.core.tables.thinning import thin
from modelmedic.steps.core.training.ways import Way, WayScore, best_way, score_ways
from modelmedic.steps.core.training.weighting import drawn, halved, worth
from modelmedic.steps.training.history import rows_within

_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OF_NEW = 3  # steps between the onset of a new concept and now


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The chosen plan, the ways as they were tried, and the ageing of stand-ins (`Scores`)."""

    plan: TrainingPlan
    ways: tuple[TriedWay, ...] = ()
    ageing: float | None = None
    error: float | None = None


def choose_way(policy: Policy, plans: Sequence[TrainingPlan], labelled: pa.Table) -> Rehearsal:
    """The plan whose stand-ins lose least on rows that they had not learnt; the first plan where
    nothing can be tried.

    The newest rows tell most. Only where proof is asked (`cautious`) do those of the holdout stay
    out of it, so that the gates see a challenger that was not chosen by them; but a new concept
    shows in no others, and there they are needed.
    """
    if len(plans) < 2:
        return Rehearsal(plans[0])
    newest = policy.retrain.risk is not Risk.CAUTIOUS or any(plan.new for plan in plans)
    end = plans[0].holdout.end if newest else plans[0].holdout.start
    start = min(plan.train.start for plan in plans)
    known = rows_within(labelled, policy.data.time, Window(start, max(start, end)), plans[0].excluded)
    onset = max((plan.train.start for plan in plans if plan.new), default=None)
    step = policy.detect.window if onset is None else min(policy.detect.window, (end - onset) / _OF_NEW)
    scores = score_ways(known, _days(known, policy), policy.roles, [_way(plan) for plan in plans], _metric(policy), step / _DAY)
    tried = tuple(_tried(plan, score) for plan, score in zip(plans, scores.ways, strict=True))
    return Rehearsal(plans[best_way(scores.ways)], tried, scores.ageing, scores.error)


def training_rows(policy: Policy, plan: TrainingPlan, labelled: pa.Table, *, whole: bool = False) -> tuple[pa.Table, timedelta | None]:
    """The labelled rows that the plan trains on, and the halving of their weights. `whole` adds the
    holdout and the rows that are set apart: so the model that serves is taught.

    More than retrain.maxRows are drawn by their weights, and count alike then.
    """
    apart = () if whole or plan.remedy is Remedy.RECALIBRATE else plan.beside
    window = Window(plan.train.start, plan.holdout.end) if whole else plan.train
    rows = rows_within(labelled, policy.data.time, window, (*plan.excluded, *apart))
    most = policy.retrain.maxRows
    if rows.num_rows <= most:
        return rows, plan.halving
    if plan.halving is None:
        return thin(rows, most), None
    days = _days(rows, policy)
    weights = halved(days.max() - days, plan.halving / _DAY)
    return rows.take(pa.array(drawn(weights, min(most, worth(weights))))), None


def _way(plan: TrainingPlan) -> Way:
    halving = plan.halving / _DAY if plan.halving is not None else None
    if plan.new:
        return Way(np.inf, halving, (plan.train.start - _EPOCH) / _DAY)
    return Way((plan.holdout.end - plan.train.start) / _DAY, halving)


def _tried(plan: TrainingPlan, score: WayScore) -> TriedWay:
    gain = score.gain
    bounds = (gain.value, gain.low, gain.high) if gain is not None and np.isfinite(gain.low) else (None, None, None)
    return TriedWay(plan.reason, plan.halving, score.rows, score.loss, *bounds)


def _metric(policy: Policy) -> str:
    """The policy's metric, and for the AUC the log loss: a stand-in's loss tells ways apart on far
    fewer rows.
    """
    return "log_loss" if policy.metric == "auc" else policy.metric


def _days(rows: pa.Table, policy: Policy) -> np.ndarray:
    return np.asarray(microseconds(rows[policy.data.time]) / 86_400e6)
