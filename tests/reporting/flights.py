"""Made-up windows of a flight-delay model, and incidents of it as the stages would have recorded
them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa

from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.contracts.audit import Phase
from modelmedic.steps.contracts.codec import to_plain
from modelmedic.steps.contracts.decision import Decision, Objection
from modelmedic.steps.contracts.detection import Thresholds, Verdict
from modelmedic.steps.contracts.diagnosis import Context, Diagnosis
from modelmedic.steps.contracts.errors import NotFound
from modelmedic.steps.contracts.incident import Answer, Closing, Incident
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import Registry, Serving
from modelmedic.steps.contracts.training import Gate, TrainingPlan, Validation
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Outcome, Remedy
from modelmedic.steps.core.decision.rules import decide
from modelmedic.steps.core.detection.verdict import judge_profiles
from modelmedic.steps.core.diagnosis.diagnosis import find_cause
from modelmedic.steps.core.profiles.layout_choice import choose_layout
from modelmedic.steps.core.profiles.profiler import profile_table
from modelmedic.steps.runtime.run import Site
from tests.worlds.played import Told

OPENED = datetime(2013, 6, 10, 6, tzinfo=UTC)
WINDOW = Window(datetime(2013, 6, 3, tzinfo=UTC), datetime(2013, 6, 10, tzinfo=UTC))
POLICY = Policy.model_validate(
    {
        "apiVersion": "modelmedic.io/v1alpha1",
        "kind": "HealingPolicy",
        "metadata": {"name": "flights-delay", "owner": "flight-ops"},
        "serving": {"inferenceService": "flights-delay"},
        "registry": {"name": "flights-delay"},
        "data": {
            "task": "binary",
            "target": "delayed",
            "time": "time_hour",
            "numeric": ["distance", "hour", "temp", "wind_speed", "visib"],
            "categorical": ["carrier", "origin", "dest"],
            "segments": ["carrier", "origin"],
            "labels": {"delay": timedelta(days=2)},
        },
    }
)


@cache
def table(rows: int, seed: int, start: datetime, days: int, *, fault: str = "", labelled: bool = True) -> pa.Table:
    """One window; `fault` is concept, warm (a season), broken, renamed or nothing."""
    random = np.random.default_rng(seed)
    carriers = np.array(["UA", "B6", "EV", "DL", "AA", "MQ", "US", "9E", "WN", "VX", "FL", "AS", "F9"])
    weights = np.array([17, 16, 16, 14, 10, 8, 6, 5.5, 3.6, 1.5, 1, 0.8, 0.6])
    carrier = random.choice(carriers, rows, p=weights / weights.sum())
    hour = np.clip(random.normal(13, 4.5, rows).round(), 5, 23)
    temp = random.normal(78 if fault == "warm" else 55, 9, rows)
    wind, visib = random.gamma(3, 3.3, rows), np.clip(10 - random.exponential(0.8, rows), 0, 10)
    distance = np.exp(random.normal(6.7, 0.65, rows))
    score = -2.0 + 0.13 * (hour - 13) + 0.05 * (wind - 10) - 0.2 * (visib - 9)
    prediction = 1 / (1 + np.exp(-score))
    true = score + np.where(np.isin(carrier, ["EV", "MQ"]), 1.7, 0) * (hour > 12) if fault == "concept" else score
    delayed = (random.random(rows) < 1 / (1 + np.exp(-true))).astype(float)
    if fault == "broken":
        distance, wind = distance * 1.609344, np.where(random.random(rows) < 0.5, np.nan, wind)
    if fault == "renamed":
        carrier = np.where(carrier == "UA", "<script>alert(1)</script>", carrier)
    seconds = np.sort(random.integers(0, days * 86400, rows))
    moments = [start + timedelta(seconds=int(s)) for s in seconds]
    columns: dict[str, Any] = {
        "distance": distance,
        "hour": hour,
        "temp": temp,
        "wind_speed": pa.array(wind, from_pandas=True),
        "visib": visib,
        "carrier": carrier,
        "origin": random.choice(["EWR", "JFK", "LGA"], rows, p=[0.36, 0.33, 0.31]),
        "dest": random.choice([f"D{n:02d}" for n in range(6)], rows),
        "time_hour": pa.array(moments, pa.timestamp("us", tz="UTC")),
        "prediction": prediction,
        "model_version": ["3"] * rows,
        "request_id": [f"r{seed}-{n}" for n in range(rows)],
        "delayed": pa.array(delayed if labelled else [None] * rows, pa.float64()),
    }
    return pa.table(columns)


@dataclass
class PlayedClock:
    moment: datetime = OPENED

    def now(self) -> datetime:
        return self.moment

    def sleep(self, span: timedelta) -> None:
        self.moment += span


@dataclass
class KeptTables:
    """`Windows` and `References` of tables in memory."""

    current: pa.Table | None
    reference: pa.Table | None

    def table(self, which: Any, *, labelled_only: bool = False, limit: int | None = None) -> pa.Table:  # noqa: ARG002
        found = self.current if isinstance(which, Window) else self.reference
        if found is None:
            raise NotFound(f"no rows are kept for {which}")
        return found if limit is None else found.slice(0, limit)

    @property
    def unreadable(self) -> Mapping[str, str]:
        """None: the rows are in memory."""
        return {}

    def batches(self, window: Window, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        yield from self.table(window).select(list(columns or self.table(window).column_names)).to_batches()

    def count(self, window: Window) -> int:
        return int(self.table(window).num_rows)

    def keep(self, version: str, table: pa.Table) -> None:  # noqa: ARG002
        self.reference = table

    def keep_replay(self, version: str, table: pa.Table) -> None:  # noqa: ARG002
        self.reference = table

    def replay(self, version: str) -> pa.Table:
        return self.table(version)


class Aliases:
    def alias(self, alias: str) -> str | None:
        return "3" if alias == "champion" else None

    def attach(self, version: str, name: str, text: str) -> None:
        self.attached = {**getattr(self, "attached", {}), (version, name): text}


def site(current: pa.Table | None, work: Path, policy: Policy = POLICY) -> Site:
    clock = PlayedClock()
    tables = KeptTables(current, table(5000, 1, datetime(2013, 1, 1, tzinfo=UTC), 59))
    nobody = cast(Serving, object())
    return Site(
        policy, MemoryStore(), cast(Registry, Aliases()), nobody, tables, tables, Told(), clock, clock, actor="local:4711", work=work
    )


def opened(where: Site, alert: str = "monitor: degraded in 2 of 3 windows") -> Incident:
    facts = {"verdict": "degraded", "windows": "2 of the last 3"}
    return where.ledger.open_incident(where.model, where.policy.hash, WINDOW, alert, facts)[0]


def later(where: Site, minutes: float) -> None:
    cast(PlayedClock, where.clock).sleep(timedelta(minutes=minutes))


_KNOWN: dict[tuple[int, int], tuple[Verdict, Diagnosis]] = {}  # by the identity of the two tables, which `table` keeps


def _judged(reference: pa.Table, current: pa.Table) -> tuple[Verdict, Diagnosis]:
    key = (id(reference), id(current))
    if key not in _KNOWN:
        layout = choose_layout(reference, POLICY.roles)
        verdict = judge_profiles(profile_table(layout, reference), profile_table(layout, current), Thresholds())
        _KNOWN[key] = verdict, find_cause(reference, current, POLICY.roles, Context())
    return _KNOWN[key]


def diagnosed(where: Site, incident: Incident, objections: tuple[Objection, ...] = ()) -> Decision:
    """Record what the diagnose stage does, from the real decisions."""
    verdict, found = _judged(where.references.table("3"), where.windows.table(WINDOW))
    decision = decide(found, where.policy, objections)
    later(where, 1)
    document = {
        "verdict": to_plain(verdict),
        "diagnosis": to_plain(found),
        "decision": to_plain(decision),
        "champion": "3",
        "reference": "3",
        "window": to_plain(WINDOW),
        "outputs": {"remedy": decision.remedy.value, "approval": "needed" if decision.needs_approval else "not-needed"},
    }
    where.ledger.record_stage(incident, "diagnose", document)
    where.note("cause.diagnosed", {"cause": found.cause, "confidence": found.confidence, "columns": found.columns}, incident.id)
    facts = {"remedy": decision.remedy, "rule": decision.rule, "autonomy": decision.autonomy, "objections": to_plain(decision.objections)}
    where.note("remedy.decided", facts, incident.id)
    return decision


def trained(where: Site, incident: Incident, *, passed: bool = True) -> None:
    """Record what the retrain and the validate stage do."""
    later(where, 4)
    plan = TrainingPlan(
        Remedy.RETRAIN,
        Window(datetime(2013, 4, 10, tzinfo=UTC), datetime(2013, 6, 1, tzinfo=UTC)),
        Window(datetime(2013, 6, 1, tzinfo=UTC), datetime(2013, 6, 8, tzinfo=UTC)),
        (Window(datetime(2013, 5, 1, tzinfo=UTC), datetime(2013, 5, 8, tzinfo=UTC)),),
        "60 days before the onset and everything after it, without the quarantined week of May",
    )
    where.ledger.record_stage(
        incident,
        "retrain",
        {
            "plan": to_plain(plan),
            "trained": True,
            "rows": 41234,
            "snapshot": "5f" * 32,
            "candidate": "a1" * 32,
            "twin": "b2" * 32,
            "ways": [
                {"reason": "rows of the last year", "halving": "P182D", "rows": 900, "loss": 0.52, "gain": 0.0, "low": 0.0, "high": 0.0},
                {"reason": "rows after the onset", "rows": 400, "loss": 0.48, "gain": 0.04, "low": 0.03, "high": 0.05},
            ],
            "seconds": 12.4,
            "sentence": "Trained by examples.flights_train:train on 41,234 labelled rows.",
            "outputs": {"trained": "yes"},
        },
    )
    later(where, 1)
    where.ledger.record_stage(
        incident,
        "validate",
        {
            "validation": to_plain(Validation("4", "a1" * 32, gates(passed), metrics(passed))),
            "version": "4",
            "digest": "a1" * 32,
            "champion": "3",
            "outputs": {"passed": "yes" if passed else "no", "version": "4", "digest": "a1" * 32},
        },
    )


def metrics(passed: bool) -> dict[str, float]:
    better = {"challenger_auc": 0.7132, "champion_auc": 0.6411, "challenger_log_loss": 0.482, "champion_log_loss": 0.539}
    worse = {"challenger_auc": 0.6512, "champion_auc": 0.6634, "challenger_log_loss": 0.441, "champion_log_loss": 0.432}
    return {**(better if passed else worse), "labels": 5321.0}


def gates(passed: bool) -> tuple[Gate, ...]:
    better = "AUC is 0.0721 above the champion's (95 % interval 0.0564 to 0.0878); at least 0 is asked"
    worse = "AUC is 0.0122 below the champion's (95 % interval 0.0003 to 0.0241 below); at least 0 is asked"
    numbers = (0.0721, 0.0, 0.0564, 0.0878) if passed else (-0.0122, 0.0, -0.0241, -0.0003)
    return (
        Gate("labels", True, "5,321 labelled rows in the holdout; 500 are the least", 5321.0, 500.0),
        Gate("non_inferiority", passed, better if passed else worse, *numbers),
        Gate("slice.carrier=EV", True, "0.051 better than the champion where carrier is EV", 0.051, -0.02, 0.02, 0.082),
        Gate("slice.carrier=UA", True, "0.004 worse than the champion where carrier is UA", -0.004, -0.02, -0.031, 0.023),
        Gate("slice.origin=JFK", True, "0.033 better than the champion where origin is JFK", 0.033, -0.02, 0.01, 0.056),
        Gate("old_regime", True, "0.011 worse than the champion on reference rows; 0.05 is allowed", -0.011, -0.05, -0.02, -0.002),
        Gate("signature", True, "inputs and outputs are the champion's"),
        Gate("latency_p95_ms", True, "p95 of a request is 21 ms; 200 ms are allowed", 21.0, 200.0),
    )


def approved(where: Site, incident: Incident, *, yes: bool = True) -> None:
    later(where, 2)
    where.note("approval.requested", {"stage": "approve", "digest": "a1" * 32}, incident.id)
    later(where, 48)
    answer = Answer(yes, "maria@example.org", where.clock.now(), "a1" * 32, "the gain is clear, and JFK is fine", verified=False)
    where.ledger.answer(incident, answer)
    decision, sentence = (
        ("approved", "maria@example.org (unverified) approved") if yes else ("rejected", "maria@example.org (unverified) rejected")
    )
    document = {
        "decision": decision,
        "by": ["maria@example.org"],
        "verified": False,
        "sentence": sentence,
        "outputs": {"decision": decision},
    }
    where.ledger.record_stage(incident, "approve", document)
    where.note("approval.decided", {"stage": "approve", "decision": decision, "sentence": sentence}, incident.id)


def effect(where: Site, incident: Incident, event: str, facts: Mapping[str, Any], *, ends: bool = True, fence: int = 7) -> None:
    key = f"{event}:{incident.id}"
    where.trail.append(event, Phase.INTENT, incident=incident.id, key=key, fence=fence, facts=facts)
    if ends:
        where.trail.append(event, Phase.OUTCOME, incident=incident.id, key=key, fence=fence, facts=facts)


def deployed(where: Site, incident: Incident, *, withdrawn: bool = False) -> None:
    """Record what the deploy stage does: dark, 20 %, 50 %, full; or taken back at 50 %."""
    later(where, 1)
    effect(where, incident, "canary.started", {"version": "4"})
    steps = []
    for share, requests, failures, p95 in ((0, 500, 0, 21.3), (20, 141, 0, 22.8), (50, 388, 41 if withdrawn else 0, 24.0)):
        if share:
            effect(where, incident, "share.set", {"version": "4", "percent": share}, fence=8 + share)
        later(where, 6 if share else 0.5)
        bad = bool(failures)
        said = (
            f"at {share} % it answered {requests} requests, {failures} of them failed"
            if share
            else "500 replayed rows got the predictions of validation"
        )
        step = {"share": share, "requests": requests, "failures": failures, "canary_p95_ms": p95, "champion_p95_ms": p95 - 1.5,
                "verdict": "withdraw" if bad else "pass", "sentence": said, "at": to_plain(where.clock.now())}  # fmt: skip
        steps.append(step)
        if not bad:
            where.note("canary.judged", step, incident.id)
    if withdrawn:
        effect(where, incident, "canary.withdrawn", {"version": "4", "reason": steps[-1]["sentence"]})
    else:
        effect(where, incident, "canary.promoted", {"version": "4"})
        effect(where, incident, "alias.moved", {"alias": "champion", "from": "3", "to": "4", "version": "4"})
    outcome = "withdrawn" if withdrawn else "healed"
    sentence = f"the canary was taken back: {steps[-1]['sentence']}" if withdrawn else "version 4 serves all traffic, version 3 did before"
    document = {
        "outcome": outcome,
        "before": "3",
        "after": "3" if withdrawn else "4",
        "steps": steps,
        "sentence": sentence,
        "outputs": {"outcome": outcome},
    }
    where.ledger.record_stage(incident, "deploy", document)


def closed(where: Site, incident: Incident, outcome: Outcome, sentence: str, after: str = "3", *, by_error: bool = False) -> None:
    later(where, 0.2)
    where.ledger.close(incident, Closing(outcome, where.clock.now(), sentence, "3", after, by_error=by_error))
    where.note("incident.closed", {"outcome": outcome, "sentence": sentence}, incident.id)
