"""The monitor's samples for Prometheus, pushed after each run, so that the alert rules are the same
few for any number of models.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from modelmedic.steps.contracts import metrics as m
from modelmedic.steps.contracts.ageing import AgeingLook
from modelmedic.steps.contracts.detection import ExpectedLoss, Verdict
from modelmedic.steps.contracts.errors import ModelmedicError
from modelmedic.steps.contracts.samples import Publisher, Sample
from modelmedic.steps.contracts.words import VerdictState
from modelmedic.steps.detection.monitor import MonitorResult, stored_verdicts
from modelmedic.steps.runtime.run import Site

_ALARMS = (VerdictState.BROKEN, VerdictState.DEGRADED, VerdictState.DRIFTED)
_BUDGETED = timedelta(days=30)
_MOST_COLUMNS = 50  # series per model


def publish_verdict(site: Site, seen: MonitorResult, publisher: Publisher) -> bool:
    """Push the samples; False, with a sentence to a person, when that failed. The verdict is in the
    store either way.
    """
    try:
        publisher.publish(m.MONITOR_JOB, site.model, tuple(monitor_samples(site, seen)))
    except ModelmedicError as error:
        site.say(str(error))
        return False
    return True


def monitor_samples(site: Site, seen: MonitorResult) -> Iterator[Sample]:
    """Every metric of the monitor's job, with the fifty columns that moved most."""
    verdict = seen.verdict
    yield Sample(m.MONITOR_RUN, site.real.now().timestamp())
    yield Sample(m.MONITOR_INTERVAL, _interval(site).total_seconds())
    yield Sample(m.OWNER, 1.0, {"owner": site.policy.metadata.owner})
    yield Sample(m.ERROR_BOUND, site.policy.rollout.maxErrorShare)
    yield Sample(m.LATENCY_BOUND, site.policy.validation.latencyP95Ms / 1000)
    for state in _ALARMS:
        yield Sample(m.ALARM, float(seen.alarm and verdict.state is state), {"state": state.value})
    for state in VerdictState:
        yield Sample(m.VERDICT, float(verdict.state is state), {"version": seen.champion, "state": state.value})
    yield Sample(m.WINDOW_ROWS, float(verdict.rows))
    yield Sample(m.BLIND, float(seen.persistent.blind))
    yield Sample(m.UNREADABLE, float(len(site.windows.unreadable)))
    for shift in verdict.shifts[:_MOST_COLUMNS]:
        yield Sample(m.EFFECT, shift.effect / shift.threshold, {"column": shift.column})
    for kind, count in Counter(problem.kind for problem in verdict.problems).items():
        yield Sample(m.PROBLEMS, float(count), {"kind": kind.value})
    if verdict.performance is not None:
        yield Sample(m.LOSS, verdict.performance.reference, {"window": "reference"})
        yield Sample(m.LOSS, verdict.performance.current, {"window": "current"})
    if verdict.expected is not None:
        yield from _expected_samples(verdict.expected)
    yield Sample(m.BUDGET, spent_budget(site, verdict, seen.champion))
    yield Sample(m.LABELLED, seen.labelled.maturity)
    yield Sample(m.LABEL_LAG, seen.labelled.lag.total_seconds())
    yield Sample(m.RELEASE_BAD, float(seen.accused))
    yield Sample(m.RETRAINING_PAYS, float(seen.pays))
    if seen.aged is not None:
        yield from _ageing_samples(seen.aged)


def _expected_samples(found: ExpectedLoss) -> Iterator[Sample]:
    yield Sample(m.EXPECTED, found.value)
    yield Sample(m.EXPECTED_HIGH, float(found.alarming))
    if found.highest is not None:
        yield Sample(m.EXPECTED_USUAL, found.highest)


def _ageing_samples(aged: AgeingLook) -> Iterator[Sample]:
    """Those of a look, as far as the policy's `refresh` lets it measure them."""
    measured = {m.AGEING_COST: aged.paid, m.TRAINING_COST: aged.price, m.AGEING_RATE: aged.ageing, m.REFRESH_INTERVAL: aged.interval}
    yield from (Sample(metric, value) for metric, value in measured.items() if value is not None)


def spent_budget(site: Site, verdict: Verdict, champion: str) -> float:
    """Share of the labelled windows of the last thirty days whose loss had risen, 0..1."""
    assert verdict.window is not None
    since = verdict.window.end - _BUDGETED
    recent = [v for v in stored_verdicts(site, champion, verdict.window.end) if v.window is not None and v.window.end > since]
    judged = [v.performance.degraded for v in recent if v.performance is not None]
    return sum(judged) / len(judged) if judged else 0.0


def _interval(site: Site) -> timedelta:
    """The interval of the rendered CronWorkflow that runs the monitor."""
    return timedelta(minutes=15) if site.policy.detect.window < timedelta(days=1) else timedelta(hours=1)
