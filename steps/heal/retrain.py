"""The retrain stage: a challenger is trained on the labelled rows that the diagnosis allows, apart
from the loop's records; the validate stage judges it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.adapters.models.files import digest, push
from modelmedic.steps.contracts.inference_log import PREDICTION, REQUEST_ID
from modelmedic.steps.contracts.keys import candidate_prefix, model_hash
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.results import Attempt, DiagnoseResult, RetrainResult
from modelmedic.steps.contracts.training import TrainingPlan
from modelmedic.steps.contracts.words import Cause, Remedy
from modelmedic.steps.core.decision.limits import replaces_champion
from modelmedic.steps.core.quality.checks import pair_problems
from modelmedic.steps.core.tables.pairing import pair
from modelmedic.steps.core.training.feedback import feedback_reason
from modelmedic.steps.core.training.training_rows import plans, reach
from modelmedic.steps.data.snapshots import keep
from modelmedic.steps.heal.results import record_and_say
from modelmedic.steps.runtime.run import Outputs, Run
from modelmedic.steps.training.history import labelled_history, rows_within
from modelmedic.steps.training.process import fresh_folder, run_in_pairs
from modelmedic.steps.training.rehearsal import outdone
from modelmedic.steps.training.train import TrainingOutcome
from modelmedic.steps.training.trials import Trial, best_trial, carry_out, choice_sentence, code_version, measure_gains, skip

MOST_ROWS = 1_000_000  # evenly thinned above: a tabular model gains little beyond, and a laptop still holds them


def retrain(run: Run) -> Outputs:
    """Train a challenger, or say why there is none: too few rows, broken rows, labels that repeat
    the model's own predictions, a failed training.
    """
    if (done := run.outputs("retrain")) is not None:
        return done
    site, found = run.site, run.result(DiagnoseResult)
    diagnosis, remedy = found.diagnosis, found.decision.acted
    labelled = labelled_history(site, reach(site.policy, site.clock.now()), MOST_ROWS)
    quarantined = site.history.quarantined(site.model)
    times = np.asarray(pc.cast(labelled[site.policy.data.time], pa.int64()).to_numpy(), dtype=np.int64)
    window, now, more = run.incident.window, site.clock.now(), _retraining(site.policy)
    tried = plans(
        diagnosis, remedy, site.policy, window, quarantined, times, now, since=_first_onset(run), retraining=more, waited=_waited(run)
    )
    holdout = rows_within(labelled, site.policy.data.time, tried[0].holdout, tried[0].excluded)
    widest = rows_within(
        labelled, site.policy.data.time, min((plan.train for plan in tried), key=lambda span: span.start), tried[0].excluded
    )
    why_not = tried[0].reason if not tried[0].enough else _unfit(run, str(found.reference), widest, holdout)
    if why_not:
        return _record(run, Trial(tried[0], widest, TrainingOutcome(None, 0.0, f"no challenger was trained: {why_not}")), ())
    place = fresh_folder(site.work / "training" / run.incident.id)
    doing = [
        partial(skip, run, plan, labelled) if left else partial(carry_out, run, plan, labelled, place / f"{number}")
        for number, (plan, left) in enumerate(zip(tried, outdone(run, tried, labelled, holdout), strict=True))
    ]
    trials = run_in_pairs(doing)
    trials = measure_gains(run, trials, holdout, place) if len(trials) > 1 else trials
    winner = best_trial(trials)
    return _record(run, winner, trials, holdout, _beside(labelled, site.policy, winner.plan))


def _retraining(policy: Policy) -> bool:
    """True when a full training may replace a recalibration: the policy gives it at least the same
    autonomy.
    """
    return policy.autonomy.level(Remedy.RETRAIN).rank >= policy.autonomy.level(Remedy.RECALIBRATE).rank


def _first_onset(run: Run) -> datetime | None:
    """The earliest onset of concept drift in the incidents since the last change of the
    champion.
    """
    site = run.site
    changed = max((heal.at for heal in site.ledger.past_heals(site.model) if replaces_champion(heal)), default=None)
    found = []
    for incident in site.ledger.incidents(site.model):
        result = site.ledger.result(incident, DiagnoseResult)
        if result is None or (changed is not None and incident.opened_at <= changed):
            continue
        if result.diagnosis.cause is Cause.CONCEPT_DRIFT and result.diagnosis.onset is not None:
            found.append(result.diagnosis.onset)
    return max(min(found), changed) if found and changed else min(found, default=None)


def _waited(run: Run) -> bool:
    """True when incidents of this model have waited a whole detection window for rows of the new
    concept, without a training.
    """
    site, since = run.site, run.incident.opened_at
    for incident in reversed(site.ledger.incidents(site.model)):
        result = site.ledger.result(incident, RetrainResult)
        if incident.id == run.incident.id or result is None:
            continue
        if not result.plan.waiting or since - incident.opened_at > site.policy.detect.window:
            break
        since = incident.opened_at
    return run.incident.opened_at - since >= site.policy.detect.window


def _beside(labelled: pa.Table, policy: Policy, plan: TrainingPlan) -> pa.Table:
    """The rows that the new version's reference holds beside the holdout."""
    parts = [rows_within(labelled, policy.data.time, span, plan.excluded) for span in plan.beside]
    return pa.concat_tables(parts) if parts else labelled.slice(0, 0)


def _unfit(run: Run, compared: str, train: pa.Table, holdout: pa.Table) -> str:
    """The reason not to train on these rows, found by comparing them with the reference that the
    diagnosis used; empty when there is none.
    """
    site = run.site
    target, served = (
        pa.concat_tables([train, holdout])[name].to_numpy() for name in (site.policy.data.target, PREDICTION)
    )  # NaN: unserved
    echo = feedback_reason(site.policy.data.task, np.asarray(target, dtype=np.float64), np.asarray(served, dtype=np.float64))
    if echo:
        return echo
    reference = site.references.table(compared)
    roles = replace(site.policy.roles, prediction=None, time=None)  # some rows have no prediction, and quarantine leaves gaps
    for what, rows in (("training", train), ("holdout", holdout)):
        problems = pair_problems(pair(reference, _newer(_others(rows, reference), reference, site.policy.data.time), roles))
        if problems:
            others = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
            return f"the {what} rows are broken: {problems[0].detail}{others}"
    return ""


def _newer(rows: pa.Table, reference: pa.Table, time: str) -> pa.Table:
    """The rows after the reference: the monitor has checked older ones when they were new, against
    a reference of their time.
    """
    last = pc.max(reference[time])
    return rows.filter(pc.greater(rows[time], pc.cast(last, rows[time].type))) if last.is_valid else rows


def _others(rows: pa.Table, reference: pa.Table) -> pa.Table:
    """The rows without those of the reference, which a long history contains too and which are no
    duplicates.
    """
    return rows.filter(pc.invert(pc.is_in(rows[REQUEST_ID], value_set=reference[REQUEST_ID].drop_null().combine_chunks())))


def _record(run: Run, winner: Trial, trials: Sequence[Trial], holdout: pa.Table | None = None, beside: pa.Table | None = None) -> Outputs:
    site, trained = run.site, winner.trained
    prefix = candidate_prefix(model_hash(site.model), run.incident.epoch)
    candidate = None
    if trained.folder is not None:
        candidate = digest(trained.folder)
        push(site.store, f"{prefix}/{candidate}", trained.folder)
    return record_and_say(
        run,
        RetrainResult(
            plan=winner.plan,
            trained=candidate is not None,
            rows=winner.rows.num_rows,
            snapshot=keep(site.store, winner.rows) if holdout is not None else None,
            holdout=keep(site.store, holdout) if holdout is not None else None,
            beside=keep(site.store, beside) if beside is not None else None,
            tried=tuple(Attempt(t.plan.reason, t.rows.num_rows, t.gain, t.fitted, t.trained.sentence) for t in trials),
            candidate=candidate,
            code=code_version(site.policy),
            seconds=sum(each.trained.seconds for each in trials),
            sentence=f"{trained.sentence}{choice_sentence(winner, trials, site.policy.metric)}",
        ),
    )
