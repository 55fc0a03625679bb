"""The diagnosis: from two windows to the cause. Called by the step diagnose.

`find_cause` tries the causes in order of precedence: broken data, a bad release, broken labels, the
season, and only then the world. The first cause that stands decides, other causes that stand are
named in `also`, and every cause considered is a runner-up. Every confidence is a counted share
(`confidence`).
"""

import dataclasses

import numpy as np
import pyarrow as pa

from modelmedic.steps.contracts.detection import ColumnShift, Problem, Roles, Thresholds
from modelmedic.steps.contracts.diagnosis import COUNTED, Context, Diagnosis, Evidence, Hypothesis
from modelmedic.steps.contracts.words import Cause, Task
from modelmedic.steps.core.diagnosis import (
    bad_release,
    concept_drift,
    confidence,
    covariate_shift,
    data_quality,
    label_quality,
    label_shift,
    seasonal,
)
from modelmedic.steps.core.diagnosis.estimate import estimate
from modelmedic.steps.core.diagnosis.humility import humble
from modelmedic.steps.core.diagnosis.loss_shares import loss_shares
from modelmedic.steps.core.diagnosis.model_change import remember_answers
from modelmedic.steps.core.diagnosis.onset import onset
from modelmedic.steps.core.diagnosis.ranking import ranking_holds
from modelmedic.steps.core.quality.checks import pair_problems
from modelmedic.steps.core.quality.claims import SCHEMA, Claim, Court, claims, lost
from modelmedic.steps.core.quality.label_claims import LabelReadings, label_bits, label_claim, label_readings
from modelmedic.steps.core.quality.past import past_of
from modelmedic.steps.core.statistics.expectation import rows_against_expectation
from modelmedic.steps.core.statistics.residuals import LabelledRows
from modelmedic.steps.core.statistics.shift import shifts
from modelmedic.steps.core.tables.pairing import Pair, pair

_RISEN_Z = 3.5  # of the loss; above it, "nothing differs" is no answer
LEAST_ROWS = 100  # in either window, before anything but a schema fault is believed


def find_cause(reference: pa.Table, current: pa.Table, roles: Roles, context: Context, past: pa.Table | None = None) -> Diagnosis:
    """The cause of the difference between two windows, with its evidence. Pure; the windows are
    whole tables in memory. `past`: earlier rows of the log, many windows' worth, from which is
    learnt what is normal; the reference by default.
    """
    with np.errstate(all="ignore"):  # columns of 1e300 or of infinities alone get a diagnosis, no warning
        both = pair(reference, current, roles)
        lore = both if past is None or past.num_rows < LEAST_ROWS else pair(past, current, roles)
        return _diagnose(both, lore, context)


def _diagnose(both: Pair, lore: Pair, context: Context) -> Diagnosis:
    if min(both.rows) < LEAST_ROWS:
        return _too_little(both, (*context.problems, *pair_problems(both)))
    past = past_of(lore)
    court = Court(both, past) if past is not None else None
    told = label_readings(court) if court is not None else LabelReadings({}, {})
    found_claims = claims(court, new_law=told.new_law) if court is not None else _schema_claims(both)
    about_labels = label_claim(told)
    law = label_bits(told)
    problems = (*context.problems, *(c.problem for c in found_claims if c.sure))
    if court is not None:
        both = dataclasses.replace(both, columns=tuple(c for c in both.columns if c.name not in court.clock.counters) or both.columns)
    timeless = court.clock.columns if court is not None else frozenset()
    moved = tuple(s if s.column not in timeless else dataclasses.replace(s, shifted=False) for s in shifts(both, Thresholds()))
    rows, answers = rows_against_expectation(both), remember_answers(both)
    own = bad_release.own_loss(rows, answers)
    candidates = [
        *data_quality.suspect(problems),
        *bad_release.suspect(both, rows, context, answers, own, law),  # before the labels: an inverted release makes labels look inverted
        *label_quality.suspect(both, rows, about_labels, law, new_law=told.new_law),
        *seasonal.suspect(both, moved, rows, context),
        *_world_causes(both, rows, moved),
    ]
    found = _conclude(both, candidates, moved, rows)
    found = humble(found, [c for c in found_claims if not c.sure], about_labels, release=bad_release.release_doubt(rows, own, law))
    return dataclasses.replace(
        found,
        loss_shares=loss_shares(both, rows, answers, own, (found.cause, *found.also)),
        estimate=estimate(both) if rows is None else None,
    )


def _schema_claims(both: Pair) -> tuple[Claim, ...]:
    """Without a past, what is impossible whatever was normal: columns that are missing, of another
    type, or that lost a good part of their values.
    """
    return tuple(Claim(p, 30.0, sure=True) for p in pair_problems(both) if p.kind in SCHEMA or p.share > 0.9 or lost(both, p))


def _too_little(both: Pair, problems: tuple[Problem, ...]) -> Diagnosis:
    schema = [p for p in problems if p.share == 1.0]
    if schema and both.rows[1] > 0:
        return data_quality.suspect(tuple(schema))[0]
    sentence = f"the windows have {both.rows[0]} and {both.rows[1]} rows; at least {LEAST_ROWS} are needed in each"
    evidence = (Evidence(COUNTED, sentence, float(min(both.rows))),)
    return Diagnosis(Cause.INSUFFICIENT_EVIDENCE, confidence.TOO_FEW_ROWS, evidence=evidence, sentence=sentence)


def _world_causes(both: Pair, rows: LabelledRows | None, moved: tuple[ColumnShift, ...]) -> list[Diagnosis]:
    """Concept drift, else label shift, by the labelled rows that the reference covers; then
    covariate shift.
    """
    labelled: list[Diagnosis] = []
    if rows is not None:
        inside = covariate_shift.covered_rows(both, rows, moved)
        labelled = concept_drift.suspect(both, inside, moved) or label_shift.suspect(both, inside, moved)
    return [*labelled, *covariate_shift.suspect(both, rows, moved)]


def _conclude(both: Pair, found: list[Diagnosis], moved: tuple[ColumnShift, ...], rows: LabelledRows | None) -> Diagnosis:
    first = found[0] if found else _no_cause(both, moved, rows)
    others = [d for d in found[1:] if d.cause is not first.cause]
    weight = sum(d.confidence for d in others) or 1.0
    runners = [
        Hypothesis(d.cause, round((1 - first.confidence) * d.confidence / weight, 3), d.columns, d.segment, d.sentence) for d in others
    ]
    if not runners:
        spare = Cause.NONE if first.cause is not Cause.NONE else Cause.INSUFFICIENT_EVIDENCE
        runners = [Hypothesis(spare, round(1 - first.confidence, 3), sentence="nothing else stands out")]
    return dataclasses.replace(
        first,
        confidence=round(first.confidence, 3),
        onset=first.onset or onset(both, rows, first),
        runners_up=tuple(runners),
        also=tuple(dict.fromkeys(d.cause for d in others)),
        loss_increase=rows.loss_increase if rows else None,
        ranking_holds=ranking_holds(rows) if rows and rows.task is Task.BINARY else None,
        evidence=(*first.evidence, *_loss_evidence(rows)),
    )


def _no_cause(both: Pair, moved: tuple[ColumnShift, ...], rows: LabelledRows | None) -> Diagnosis:
    if rows is not None and rows.harmed and rows.loss_z > _RISEN_Z:
        sentence = "the loss has risen, and neither data, labels, a release nor any column's residuals say why"
        return Diagnosis(Cause.INSUFFICIENT_EVIDENCE, confidence.LOSS_WITHOUT_A_CAUSE, harm="shown", sentence=sentence)
    largest = moved[0] if moved else None
    evidence = (
        (Evidence("drift.measured", f"the largest effect is {largest.effect:.3f} ({largest.column})", largest.effect),) if largest else ()
    )
    least = min(both.rows)
    sentence = "no column, label or residual differs by more than noise"
    sure = confidence.QUIET if least >= 1000 else confidence.QUIET_OF_FEW_ROWS
    return Diagnosis(Cause.NONE, sure, harm="none", evidence=evidence, sentence=sentence)


def _loss_evidence(rows: LabelledRows | None) -> tuple[Evidence, ...]:
    if rows is None:
        return ()
    name = "log loss" if rows.task is Task.BINARY else "squared error"
    before, after = float(rows.loss[0].mean()), float(rows.loss[1].mean())
    whose = " of a stand-in, taught on the reference," if rows.imagined else ""
    sentence = f"mean {name}{whose} on {len(rows.loss[1])} labels is {after:.4g}, was {before:.4g} (z = {rows.loss_z:.1f})"
    return (Evidence("loss.measured", sentence, after - before),)
