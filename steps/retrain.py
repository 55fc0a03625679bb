"""The retrain stage: labelled rows that the diagnosis allows, a training apart from our records, a candidate that nobody vouches for."""

import shutil
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version as installed
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from steps.contracts.codec import canonical, decode, to_plain
from steps.contracts.diagnosis import Diagnosis
from steps.contracts.errors import Refused
from steps.contracts.inference_log import PREDICTION, REQUEST_ID
from steps.contracts.keys import candidate_prefix, model_hash
from steps.contracts.policy import Policy
from steps.contracts.training import ModelVersion, TrainingPlan
from steps.contracts.window import Window
from steps.contracts.words import Remedy
from steps.core.feedback import fed_back
from steps.core.pairing import pair
from steps.core.quality import check
from steps.core.training_window import plan, reach
from steps.model_files import digest, push
from steps.run import Outputs, Run
from steps.snapshots import keep
from steps.training.apart import Trained, train_apart
from steps.version_files import version_files

MOST_ROWS = 1_000_000  # evenly thinned above: a tabular model gains little beyond, and a laptop still holds them


def retrain(run: Run) -> Outputs:
    """Train a challenger, or say why not: too few rows, broken rows, labels of our own making, a training that failed."""
    done = run.stage("retrain")
    if done is not None:
        return dict(done["outputs"])
    site, diagnosed = run.site, run.stage("diagnose") or {}
    diagnosis = decode(Diagnosis, canonical(diagnosed["diagnosis"]))
    remedy = Remedy(diagnosed["outputs"]["remedy"])
    labelled = site.windows.table(reach(site.policy, site.clock.now()), labelled_only=True, limit=MOST_ROWS)
    quarantined = site.history.quarantined(site.model)
    times = np.asarray(pc.cast(labelled[site.policy.data.time], pa.int64()).to_numpy(), dtype=np.int64)
    chosen = plan(diagnosis, remedy, site.policy, run.incident.window, quarantined, times, site.clock.now())
    train, holdout = (_within(labelled, site.policy, span, chosen.excluded) for span in (chosen.train, chosen.holdout))
    why_not = chosen.reason if not chosen.enough else _unfit(run, str(diagnosed["reference"]), train, holdout)
    if why_not:
        return _record(run, chosen, train.num_rows, Trained(None, 0.0, f"no challenger was trained: {why_not}"))
    site.say(f"training on {train.num_rows} rows of {chosen.train}: {chosen.reason}")
    return _record(run, chosen, train.num_rows, _trained(run, remedy, train), train, holdout)


def note_training(run: Run) -> None:
    """What training came to, on the audit trail: it cannot write there itself, for it shares a pod with code that is not ours."""
    said = run.stage("retrain")
    if said is not None:
        event = "model.trained" if said.get("candidate") else "training.refused"
        run.note(event, **{name: said.get(name) for name in ("rows", "candidate", "sentence")})


def code_version(policy: Policy) -> str:
    """What made a model: this program's version, and the training function that was called."""
    return f"modelmedic {installed('modelmedic')}, {policy.retrain.entrypoint}"


def _trained(run: Run, remedy: Remedy, train: pa.Table) -> Trained:
    site, place = run.site, fresh(run.site.work / "training" / run.incident.id)
    data = site.policy.data
    pq.write_table(train.select([*site.policy.features, data.target, data.time]), place / "train.parquet")
    folder = _champion(run) if remedy is Remedy.RECALIBRATE else None
    return train_apart(place / "train.parquet", site.policy, place / "out", recalibrate=folder)


def _champion(run: Run) -> Path:
    """The files of the version that the diagnosis found serving: training reaches no registry. Raises Refused without one."""
    site, served = run.site, (run.stage("diagnose") or {}).get("served")
    if served is None:
        raise Refused(f"model {site.model} has no champion to recalibrate; expected alias {site.policy.registry.champion} to name one")
    return version_files(site, decode(ModelVersion, canonical(served)))


def fresh(folder: Path) -> Path:
    """An empty folder: what a killed run left there is of no use."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _within(rows: pa.Table, policy: Policy, window: Window, excluded: Sequence[Window]) -> pa.Table:
    times = rows[policy.data.time]
    keep = _inside(times, window)
    for span in excluded:
        keep = pc.and_(keep, pc.invert(_inside(times, span)))
    return rows.filter(keep)


def _inside(times: pa.ChunkedArray, window: Window) -> pa.ChunkedArray:
    def bound(moment: datetime) -> pa.Scalar:
        return pa.scalar(moment, times.type)

    return pc.and_(pc.greater_equal(times, bound(window.start)), pc.less(times, bound(window.end)))


def _unfit(run: Run, compared: str, train: pa.Table, holdout: pa.Table) -> str:
    """What is wrong with the rows themselves, held against the reference that the diagnosis used; empty when nothing is."""
    site = run.site
    target, served = (pa.concat_tables([train, holdout])[name].to_numpy() for name in (site.policy.data.target, PREDICTION))
    echo = fed_back(site.policy.data.task, np.asarray(target, dtype=np.float64), np.asarray(served, dtype=np.float64))
    if echo:
        return echo
    reference = site.references.table(compared)
    for what, rows in (("training", train), ("holdout", holdout)):
        problems = check(pair(reference, _others(rows, reference), site.policy.roles))
        if problems:
            others = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
            return f"the {what} rows are broken: {problems[0].detail}{others}"
    return ""


def _others(rows: pa.Table, reference: pa.Table) -> pa.Table:
    """The rows that are not in the reference themselves, as they are when the history reaches back to it: those are no repeats."""
    return rows.filter(pc.invert(pc.is_in(rows[REQUEST_ID], value_set=reference[REQUEST_ID].drop_null().combine_chunks())))


def _record(
    run: Run, chosen: TrainingPlan, rows: int, trained: Trained, train: pa.Table | None = None, holdout: pa.Table | None = None
) -> Outputs:
    site = run.site
    prefix = candidate_prefix(model_hash(site.model), run.incident.epoch)
    candidate = None
    if trained.folder is not None:
        candidate = digest(trained.folder)
        push(site.store, f"{prefix}/{candidate}", trained.folder)
    outputs = {"trained": "yes" if candidate else "no"}
    document = {
        "plan": to_plain(chosen),
        "trained": candidate is not None,
        "rows": rows,
        "snapshot": keep(site.store, train) if train is not None else None,
        "holdout": keep(site.store, holdout) if holdout is not None else None,
        "candidate": candidate,
        "code": code_version(site.policy),
        "seconds": trained.seconds,
        "sentence": trained.sentence,
        "outputs": outputs,
    }
    kept = run.record("retrain", document)
    site.say(trained.sentence)
    return dict(kept["outputs"])
