"""The retrain stage: a challenger is trained on the labelled rows that the diagnosis allows, apart
from the loop's records; the validate stage judges it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.adapters.models.files import digest, push
from modelmedic.steps.contracts.comparison import Ablation
from modelmedic.steps.contracts.decision import Decision
from modelmedic.steps.contracts.inference_log import PREDICTION, REQUEST_ID
from modelmedic.steps.contracts.keys import candidate_prefix, model_hash
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.results import Attempt, DiagnoseResult, LastingQuarantine, RetrainResult
from modelmedic.steps.contracts.training import TrainingPlan
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Cause, Outcome, Remedy, Risk
from modelmedic.steps.core.decision.limits import replaces_champion
from modelmedic.steps.core.decision.rules import lower
from modelmedic.steps.core.quality.doubt import broken_beside, rows_in_doubt
from modelmedic.steps.core.tables.moments import microseconds, seconds_of
from modelmedic.steps.core.tables.pairing import pair
from modelmedic.steps.core.training.feedback import feedback_reason
from modelmedic.steps.core.training.training_rows import plans, reach, sharing
from modelmedic.steps.data.snapshots import keep
from modelmedic.steps.heal.kept_in_the_dark import won_in_the_dark
from modelmedic.steps.heal.lasting import trusted_columns
from modelmedic.steps.heal.results import record_and_say
from modelmedic.steps.runtime.run import Outputs, Run
from modelmedic.steps.runtime.versions import taught_until
from modelmedic.steps.training.ablation import hold_contest
from modelmedic.steps.training.code_version import code_version
from modelmedic.steps.training.history import labelled_history, rows_within
from modelmedic.steps.training.process import run_in_pairs
from modelmedic.steps.training.rehearsal import Rehearsal, choose_way
from modelmedic.steps.training.scratch import fresh_folder
from modelmedic.steps.training.train import TrainingOutcome
from modelmedic.steps.training.trials import Trial, best_trial, carry_out, choice_sentence, measure_gains

MOST_ROWS = 1_000_000  # evenly thinned above: a tabular model gains little beyond, and a laptop still holds them


def retrain(run: Run) -> Outputs:
    """Train a challenger, or say why there is none: too few rows, broken rows, labels that repeat
    the model's own predictions, a failed training.
    """
    if (done := run.outputs("retrain")) is not None:
        return done
    site, found = run.site, run.result(DiagnoseResult)
    if (version := won_in_the_dark(run)) is not None:
        plan = TrainingPlan(Remedy.RETRAIN, run.incident.window, run.incident.window, reason="a challenger that was kept in the dark")
        sentence = f"nothing is trained: version {version} has been trained already, and was judged on in the dark"
        return record_and_say(run, RetrainResult(plan, trained=True, sentence=sentence))
    known = labelled_history(site, reach(site.policy, site.clock.now()), MOST_ROWS)
    if found.lasting is not None:
        return _with_and_without(run, found, found.lasting, known)
    trusted = trusted_columns(run, found.champion)
    labelled = _without_doubt(run, known, trusted)
    possible = _plans(run, found, labelled, doubtful=known.num_rows - labelled.num_rows)
    first, time = possible[0], site.policy.data.time
    holdout = rows_within(labelled, time, first.holdout, first.excluded)
    widest = rows_within(labelled, time, min((plan.train for plan in possible), key=lambda span: span.start), first.excluded)
    why_not = first.reason if not first.enough else _unfit(run, str(found.reference), widest, holdout, trusted)
    if why_not:
        return _record(run, Trial(first, widest, TrainingOutcome(None, 0.0, f"no challenger was trained: {why_not}")), ())
    place = fresh_folder(site.work / "training" / run.incident.id)
    rehearsed = choose_way(site.policy, [plan for plan in possible if plan.remedy is Remedy.RETRAIN] or possible, labelled)
    plan = rehearsed.plan
    judged = tuple(dict.fromkeys([*(each for each in possible if each.remedy is Remedy.RECALIBRATE), plan]))
    doing = [partial(carry_out, run, each, labelled, place / f"{number}") for number, each in enumerate(judged)]
    if _has_twin(site.policy, plan):
        doing.append(partial(carry_out, run, plan, labelled, place / "whole", whole=True))
    carried = run_in_pairs(doing)
    trials, whole = carried[: len(judged)], carried[len(judged) :]
    trials = measure_gains(run, trials, holdout, place) if len(trials) > 1 else trials
    winner = best_trial(trials)
    served = next((each for each in whole if each.fitted and each.plan == winner.plan), winner)
    beside = _beside(labelled, site.policy, winner.plan)
    return _record(run, winner, trials, served, _Choice(rehearsed, _left_out(possible, judged)), holdout, beside)


def _with_and_without(run: Run, found: DiagnoseResult, lasting: LastingQuarantine, known: pa.Table) -> Outputs:
    """Train one challenger with the rows that stay set aside and one without them, ask both about
    the newest rows, and record the better one with the losses of both.
    """
    site, time = run.site, run.site.policy.data.time
    sound = _without_doubt(run, known)
    labelled = _disputed(run, lasting, known, sound)
    times = microseconds(labelled[time])
    possible = [sharing(plan, times, lasting.spans) if plan.enough else plan for plan in _plans(run, found, labelled, lasting)]
    possible = [plan for plan in possible if plan.remedy is Remedy.RETRAIN and not plan.new] or possible[:1]
    first = possible[0]
    holdout, train = (rows_within(labelled, time, span, first.excluded) for span in (first.holdout, first.train))
    why_not = _echo(run, train, holdout) if first.enough else first.reason
    if why_not:
        return _record(run, Trial(first, train, TrainingOutcome(None, 0.0, f"no challenger was trained: {why_not}")), ())
    place = fresh_folder(site.work / "training" / run.incident.id)
    rehearsed = choose_way(site.policy, possible, labelled)
    contest = hold_contest(run, rehearsed.plan, lasting.spans, labelled, sound, holdout, place)
    if contest.found is None:
        why = "; ".join(each.trained.sentence for each in contest.trials)
        return _record(run, Trial(first, train, TrainingOutcome(None, 0.0, f"no challenger can be compared: {why}")), contest.trials)
    beside = _beside(contest.taught_from, site.policy, contest.winner.plan)
    return _record(run, contest.winner, contest.trials, None, _Choice(rehearsed), holdout, beside, contest.found)


def _disputed(run: Run, lasting: LastingQuarantine, known: pa.Table, sound: pa.Table) -> pa.Table:
    """The sound rows, and from a window before the quarantine on the doubtful ones as well: doubt
    about older rows is not what the person is asked.
    """
    policy = run.site.policy
    edge = min(span.start for span in lasting.spans) - policy.detect.window
    whole = reach(policy, run.site.clock.now())
    older, newer = Window(whole.start, max(whole.start, edge)), Window(max(whole.start, edge), whole.end)
    return pa.concat_tables([rows_within(sound, policy.data.time, older), rows_within(known, policy.data.time, newer)])


def _plans(
    run: Run, found: DiagnoseResult, labelled: pa.Table, lasting: LastingQuarantine | None = None, *, doubtful: int = 0
) -> tuple[TrainingPlan, ...]:
    """The trainings to choose from; the rows of a lasting quarantine, which a person is asked
    about, may teach in them. So many `doubtful` rows were left out before.
    """
    site = run.site
    asked = lasting.spans if lasting is not None else ()
    times = microseconds(labelled[site.policy.data.time])
    return plans(
        found.diagnosis,
        found.decision.acted,
        site.policy,
        run.incident.window,
        tuple(span for span in site.history.quarantined(site.model) if span not in asked),
        times,
        site.clock.now(),
        since=min(span.start for span in asked) if asked else _first_onset(run),
        taught=taught_until(found.served),
        turned=_last_turn(run),
        retraining=_retraining(site.policy, found.decision),
        doubtful=doubtful,
    )


@dataclass(frozen=True, slots=True)
class _Choice:
    """The rehearsal, and the plans that another one was chosen over on the rows of the holdout."""

    rehearsed: Rehearsal
    left_out: tuple[Attempt, ...] = ()


def _left_out(possible: Sequence[TrainingPlan], judged: Sequence[TrainingPlan]) -> tuple[Attempt, ...]:
    """Only a new concept is tried on the newest rows (`choose_way`): then the gates count the plans
    that were left out as tried.
    """
    if not any(plan.new for plan in possible):
        return ()
    why = "not trained: on the known rows another way was better"
    return tuple(Attempt(plan.reason, plan.rows, None, False, why) for plan in possible if plan not in judged)


def _has_twin(policy: Policy, plan: TrainingPlan) -> bool:
    """True where a twin is judged in the place of the model that serves. Under `cautious` what was
    judged serves, and a correction's two numbers learn nothing of any one row.
    """
    return policy.retrain.risk is not Risk.CAUTIOUS and plan.remedy is Remedy.RETRAIN


def _retraining(policy: Policy, decision: Decision) -> bool:
    """True when a full training may replace a recalibration: its autonomy was at least the same
    when the incident was decided.
    """
    retrain, recalibrate = (
        lower(policy.autonomy.level(remedy), decision.fallen.get(remedy)) for remedy in (Remedy.RETRAIN, Remedy.RECALIBRATE)
    )
    return retrain.rank >= recalibrate.rank


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


def _last_turn(run: Run) -> datetime | None:
    """The moment since when the newest champion that learnt nothing but a new concept learnt it."""
    site = run.site
    promoted = {heal.incident for heal in site.ledger.past_heals(site.model) if heal.outcome is Outcome.HEALED}
    found = (site.ledger.result(each, RetrainResult) for each in site.ledger.incidents(site.model) if each.id in promoted)
    return max((result.plan.train.start for result in found if result is not None and result.plan.new), default=None)


def _beside(labelled: pa.Table, policy: Policy, plan: TrainingPlan) -> pa.Table:
    """The rows that the new version's reference holds beside the holdout."""
    parts = [rows_within(labelled, policy.data.time, span, plan.excluded) for span in plan.beside]
    return pa.concat_tables(parts) if parts else labelled.slice(0, 0)


def _without_doubt(run: Run, labelled: pa.Table, trusted: frozenset[str] = frozenset()) -> pa.Table:
    """The rows without those that may be broken: leaving them out costs a few rows, and nobody is
    asked. Rows of before the log have no answers, and quarantine leaves gaps, so neither is read.
    """
    policy = run.site.policy
    times = seconds_of(labelled[policy.data.time])
    roles = replace(policy.roles, prediction=None, version=None)
    doubtful = rows_in_doubt(labelled, roles, times, policy.detect.window.total_seconds(), trusted)
    return labelled.filter(pa.array(~doubtful)) if doubtful.any() else labelled


def _unfit(run: Run, compared: str, train: pa.Table, holdout: pa.Table, trusted: frozenset[str]) -> str:
    """The reason not to train on these rows: labels that repeat the model's own answers, or columns
    that are surely broken beside the reference that the diagnosis used; empty when there is none
    but those that people trust.
    """
    if echo := _echo(run, train, holdout):
        return echo
    reference = run.site.references.table(compared)
    roles = replace(run.site.policy.roles, prediction=None, version=None, time=None)  # quarantine leaves gaps
    for what, rows in (("training", train), ("holdout", holdout)):
        newer = rows.filter(pc.invert(pc.is_in(rows[REQUEST_ID], value_set=reference[REQUEST_ID].drop_null().combine_chunks())))
        problem = broken_beside(pair(reference, newer, roles), trusted)
        if problem is not None:
            return f"the {what} rows are broken: {problem.detail}"
    return ""


def _echo(run: Run, train: pa.Table, holdout: pa.Table) -> str:
    """The reason not to train on labels that repeat the model's own answers; empty for others."""
    data = run.site.policy.data
    target, served = (pa.concat_tables([train, holdout])[name].to_numpy() for name in (data.target, PREDICTION))  # NaN: unserved
    return feedback_reason(data.task, np.asarray(target, dtype=np.float64), np.asarray(served, dtype=np.float64))


def _record(
    run: Run,
    winner: Trial,
    trials: Sequence[Trial],
    served: Trial | None = None,
    choice: _Choice | None = None,
    holdout: pa.Table | None = None,
    beside: pa.Table | None = None,
    ablation: Ablation | None = None,
) -> Outputs:
    site = run.site
    serves = served or winner
    judged, candidate = _pushed(run, winner), _pushed(run, serves)
    return record_and_say(
        run,
        RetrainResult(
            plan=winner.plan,
            trained=judged is not None,
            rows=serves.rows.num_rows,
            snapshot=keep(site.store, serves.rows) if holdout is not None else None,
            holdout=keep(site.store, holdout) if holdout is not None else None,
            beside=keep(site.store, beside) if beside is not None else None,
            tried=tuple(Attempt(t.plan.reason, t.rows.num_rows, t.gain, t.fitted, t.trained.sentence) for t in trials)
            + (choice.left_out if choice else ()),
            candidate=candidate if judged is not None else None,
            code=code_version(site.policy),
            seconds=sum(each.trained.seconds for each in {id(each): each for each in (*trials, serves)}.values()),
            sentence=f"{winner.trained.sentence}{choice_sentence(winner, trials, site.policy.metric)}"
            + (f"; {ablation.sentence}" if ablation is not None else ""),
            twin=judged if judged != candidate else None,
            ways=choice.rehearsed.ways if choice else (),
            ageing=choice.rehearsed.ageing if choice else None,
            ageing_error=choice.rehearsed.error if choice else None,
            ablation=ablation,
        ),
    )


def _pushed(run: Run, trial: Trial) -> str | None:
    """The digest of the trial's model, whose files are in the object store; None without one."""
    folder = trial.trained.folder
    if folder is None:
        return None
    found = digest(folder)
    push(run.site.store, f"{candidate_prefix(model_hash(run.site.model), run.incident.epoch)}/{found}", folder)
    return found
