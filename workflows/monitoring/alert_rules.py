"""The alerts, as data: the same few for any number of models. The monitor has applied each policy's
thresholds before.
"""

from dataclasses import dataclass, field
from typing import Final

from modelmedic.steps.contracts import metrics as m
from modelmedic.steps.contracts.words import VerdictState
from modelmedic.workflows.monitoring.recording_rules import FAILED_SHARE, REQUEST_RATE, SLOWEST

HEAL_LABEL: Final = "modelmedic"  # alerts with this label set to `heal` go to triage
_FOR_MODEL: Final = {"model": "churn"}
_AT_ONCE: Final = "30s"  # the monitor has waited for k of n windows already; this bridges one lost scrape


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a test, in promtool's notation, a value a minute."""

    metric: m.Metric
    values: str
    labels: dict[str, str] = field(default_factory=lambda: dict(_FOR_MODEL))
    part: str = ""  # of a histogram, such as _bucket

    def __str__(self) -> str:
        inside = ",".join(f'{name}="{value}"' for name, value in sorted(self.labels.items()))
        name = f"{self.metric.name}{self.part}"
        return f"{name}{{{inside}}}" if inside else name


@dataclass(frozen=True, slots=True)
class Alert:
    """`hold` is how long the expression has to be true. `fires` and `silent` are series for which
    it does and does not.
    """

    name: str
    expr: str
    hold: str
    severity: str
    summary: str
    description: str
    fires: tuple[Series, ...]
    silent: tuple[Series, ...]
    heals: bool = False  # triage opens an incident for it
    labels: dict[str, str] = field(default_factory=lambda: dict(_FOR_MODEL))  # of the alert in its test

    @property
    def of_model(self) -> bool:
        return bool(self.labels)

    @property
    def expression(self) -> str:
        """With the owner of the model as a label, by which people route; an alert fires without one
        as well.
        """
        if not self.of_model:
            return self.expr
        return f"({self.expr}) * on (model) group_left (owner) max by (model, owner) ({m.OWNER}) or on (model) ({self.expr})"

    @property
    def after(self) -> str:
        """The time at which the test looks: promtool evaluates every rule up to it."""
        return "10m" if self.hold in ("0m", _AT_ONCE) else "70m"


def _alarm(state: VerdictState) -> str:
    return f'max by (model) ({m.ALARM}{{state="{state.value}"}}) == 1'


def _alarmed(state: VerdictState, values: str) -> tuple[Series, ...]:
    return (Series(m.ALARM, values, {**_FOR_MODEL, "state": state.value}),)


def _serving(share: str) -> str:
    """`share` of the version that answers most: the champion, but for a rollout's last shares."""
    return f"({share} and on (model, version) topk by (model) (1, {REQUEST_RATE}))"


def _above(share: str, bound: m.Metric) -> str:
    return f"max by (model) ({_serving(share)}) > on (model) max by (model) ({bound})"


def _requests(metric: m.Metric, values: str, code: str) -> Series:
    return Series(metric, values, {**_FOR_MODEL, "version": "3", "code": code})


def _buckets(quick: str) -> tuple[Series, ...]:
    """60 requests a minute of which so many take at most 0.1 s and the rest at most 1 s."""
    labels = {**_FOR_MODEL, "version": "3"}
    counts = {"0.1": quick, "1": "0+60x80", "+Inf": "0+60x80"}
    return tuple(Series(m.SECONDS, values, {**labels, "le": le}, "_bucket") for le, values in counts.items())


# A version that refuses its inputs answers with 4xx, and so do callers with bad requests: of those
# it takes a fifth.
_OWN_FAILURES: Final = f'sum by (model, version) (rate({m.FAILURES}{{code=~"5.."}}[5m])) / ({REQUEST_RATE} > 0)'
_BOUNDS: Final = (Series(m.ERROR_BOUND, "0.01x80"), Series(m.LATENCY_BOUND, "0.2x80"))
_ASKED: Final = _requests(m.REQUESTS, "0+60x80", "200")

_QUIET: Final = "0x80"
_ON: Final = "1x80"

ALERTS: Final = (
    Alert(
        "ModelmedicDrift",
        _alarm(VerdictState.DRIFTED),
        _AT_ONCE,
        "warning",
        "Inputs of {{ $labels.model }} have drifted",
        "The inputs of {{ $labels.model }} differ from its champion's reference in as many windows as its policy asks for.",
        _alarmed(VerdictState.DRIFTED, _ON),
        _alarmed(VerdictState.DRIFTED, _QUIET),
        heals=True,
    ),
    Alert(
        "ModelmedicDegraded",
        f"{_alarm(VerdictState.DEGRADED)} or max by (model) ({m.BUDGET}) > 0.5",
        _AT_ONCE,
        "critical",
        "{{ $labels.model }} has become worse",
        "Labels show that the loss of {{ $labels.model }} has risen, or that more than half of its windows of 30 days were degraded.",
        (Series(m.BUDGET, "0.6x80"),),
        (Series(m.BUDGET, "0.2x80"), *_alarmed(VerdictState.DEGRADED, _QUIET)),
        heals=True,
    ),
    Alert(
        "ModelmedicDataBroken",
        _alarm(VerdictState.BROKEN),
        _AT_ONCE,
        "critical",
        "Data of {{ $labels.model }} is broken",
        "The input data of {{ $labels.model }} has faults such as missing columns, nulls or another unit. Nothing will be trained on it.",
        _alarmed(VerdictState.BROKEN, _ON),
        _alarmed(VerdictState.BROKEN, _QUIET),
        heals=True,
    ),
    Alert(
        "ModelmedicLossExpected",
        f"max by (model) ({m.EXPECTED_HIGH}) == 1",
        _AT_ONCE,
        "warning",
        "{{ $labels.model }} is less sure of its answers than usual",
        "The answers of {{ $labels.model }}, whose labels are not known yet, let expect a higher loss than in the windows before.",
        (Series(m.EXPECTED_HIGH, _ON),),
        (Series(m.EXPECTED_HIGH, _QUIET),),
    ),
    Alert(
        "ModelmedicReleaseBad",
        f"max by (model) ({m.RELEASE_BAD}) == 1",
        _AT_ONCE,
        "critical",
        "The version of {{ $labels.model }} that serves is worse than one before it",
        "Both were asked about the same rows: the champion of {{ $labels.model }} loses clearly more, or answers backwards or one value.",
        (Series(m.RELEASE_BAD, _ON),),
        (Series(m.RELEASE_BAD, _QUIET),),
        heals=True,
    ),
    Alert(
        "ModelmedicRequestsFail",
        f"{_above(_OWN_FAILURES, m.ERROR_BOUND)} or max by (model) ({_serving(str(FAILED_SHARE))}) > 0.2",
        "10m",
        "critical",
        "Requests to {{ $labels.model }} fail",
        "More requests to {{ $labels.model }} end in an error of its own than its policy allows, or a fifth of them in any error.",
        (_ASKED, _requests(m.REQUESTS, "0+2x80", "500"), _requests(m.FAILURES, "0+2x80", "500"), *_BOUNDS),
        (_ASKED, _requests(m.REQUESTS, "0+6x80", "422"), _requests(m.FAILURES, "0+6x80", "422"), *_BOUNDS),
        heals=True,
    ),
    Alert(
        "ModelmedicSlow",
        _above(str(SLOWEST), m.LATENCY_BOUND),
        "15m",
        "warning",
        "{{ $labels.model }} answers slowly",
        "One request in twenty to {{ $labels.model }} has taken longer than its policy allows for a quarter of an hour.",
        (_ASKED, *_buckets("0+30x80"), *_BOUNDS),
        (_ASKED, *_buckets("0+59x80"), *_BOUNDS),
        heals=True,
    ),
    Alert(
        "ModelmedicRetrainingPays",
        f"max by (model) ({m.RETRAINING_PAYS}) == 1",
        _AT_ONCE,
        "info",
        "A newly taught model would pay for {{ $labels.model }}",
        "The age of {{ $labels.model }}'s champion has cost as much as a training, or its policy's refresh is due. Nothing is broken.",
        (Series(m.RETRAINING_PAYS, _ON),),
        (Series(m.RETRAINING_PAYS, _QUIET),),
        heals=True,
    ),
    Alert(
        "ModelmedicMonitorBlind",
        f"time() - max by (model) ({m.MONITOR_RUN}) > 3 * max by (model) ({m.MONITOR_INTERVAL}) "
        f"or max by (model) ({m.INCIDENTS}) unless max by (model) ({m.MONITOR_RUN})",
        "10m",
        "critical",
        "The monitor of {{ $labels.model }} is blind",
        "The monitor of {{ $labels.model }} has come to no verdict for three times its interval: drift would go unseen.",
        (Series(m.MONITOR_RUN, "0x80"), Series(m.MONITOR_INTERVAL, "900x80")),
        (Series(m.MONITOR_RUN, "0+60x80"), Series(m.MONITOR_INTERVAL, "900x80"), Series(m.INCIDENTS, "0x80")),
    ),
    Alert(
        "ModelmedicTooFewRows",
        f"max by (model) ({m.BLIND}) == 1",
        _AT_ONCE,
        "critical",
        "Too few requests of {{ $labels.model }} are logged for a verdict",
        "As many of the last windows of {{ $labels.model }} as would be an alarm have too few rows, or none: drift would go unseen.",
        (Series(m.BLIND, _ON),),
        (Series(m.BLIND, _QUIET),),
    ),
    Alert(
        "ModelmedicLogDamaged",
        f"max by (model) ({m.UNREADABLE}) > 0",
        "10m",
        "warning",
        "Some of the inference log of {{ $labels.model }} cannot be read",
        "Objects of the inference log or the labels of {{ $labels.model }} are damaged; verdicts rest on the others.",
        (Series(m.UNREADABLE, "1x80"),),
        (Series(m.UNREADABLE, "0x80"),),
    ),
    Alert(
        "ModelmedicLabelsLate",
        f"max by (model) ({m.LABEL_LAG}) > 86400",
        "30m",
        "warning",
        "Labels of {{ $labels.model }} are late",
        "The labels of {{ $labels.model }} are a day behind the delay that its policy allows: its loss is not known any more.",
        (Series(m.LABEL_LAG, "90000x80"),),
        (Series(m.LABEL_LAG, "3600x80"),),
    ),
    Alert(
        "ModelmedicCanaryWorse",
        f"max by (model) ({m.CANARY_WORSE}) == 1",
        "0m",
        "warning",
        "The canary of {{ $labels.model }} was worse and is withdrawn",
        "A challenger of {{ $labels.model }} did worse than the champion on real traffic; all traffic is with the champion again.",
        (Series(m.CANARY_WORSE, _ON),),
        (Series(m.CANARY_WORSE, _QUIET),),
    ),
    Alert(
        "ModelmedicHealFailed",
        f"max by (model) ({m.HEAL_FAILED}) == 1",
        "0m",
        "critical",
        "A heal of {{ $labels.model }} ended in an error",
        "A heal of {{ $labels.model }} was ended by an error. The next sweep takes back a canary that it left; a person has to look.",
        (Series(m.HEAL_FAILED, _ON),),
        (Series(m.HEAL_FAILED, _QUIET),),
    ),
    Alert(
        "ModelmedicBreakerOpen",
        f"max by (model) ({m.BREAKER}) == 1",
        "0m",
        "critical",
        "No more heals for {{ $labels.model }}",
        "The breaker of {{ $labels.model }} is open: no heal advances until its failures are older than limits.breaker.within.",
        (Series(m.BREAKER, _ON),),
        (Series(m.BREAKER, _QUIET),),
    ),
    Alert(
        "ModelmedicMessagesLost",
        f"max by (model) ({m.MESSAGES_LOST}) > 0",
        "0m",
        "warning",
        "Messages on {{ $labels.model }} did not arrive",
        "Within a day messages on {{ $labels.model }} were not taken by somebody who is to be told; each is on the incident's page.",
        (Series(m.MESSAGES_LOST, "2x80"),),
        (Series(m.MESSAGES_LOST, _QUIET),),
    ),
    Alert(
        "ModelmedicApprovalWaiting",
        f"max by (model) ({m.WAITING}) > 14400",
        "0m",
        "warning",
        "A heal of {{ $labels.model }} waits for an answer",
        "A heal of {{ $labels.model }} has waited four hours for an answer. No answer in time is a rejection.",
        (Series(m.WAITING, "20000x80"),),
        (Series(m.WAITING, "600x80"),),
    ),
    Alert(
        "ModelmedicDisagreement",
        f"max by (model) ({m.DISAGREEMENT}) == 1",
        "15m",
        "critical",
        "What serves {{ $labels.model }} is not what is recorded",
        "The served version, the champion alias and the last record of {{ $labels.model }} do not agree, and the sweep did not repair it.",
        (Series(m.DISAGREEMENT, _ON),),
        (Series(m.DISAGREEMENT, "1x10 0x70"),),
    ),
    Alert(
        "ModelmedicInferenceLogLost",
        f"sum by (model) (increase({m.LOG_DROPPED}[15m])) > 0",
        "0m",
        "warning",
        "Rows of the inference log of {{ $labels.model }} were lost",
        "The predictor of {{ $labels.model }} could not write its inference log and dropped rows: its windows have holes.",
        (Series(m.LOG_DROPPED, "0+10x80", {**_FOR_MODEL, "version": "3"}),),
        (Series(m.LOG_DROPPED, "5x80", {**_FOR_MODEL, "version": "3"}),),
    ),
    Alert(
        "ModelmedicSweepBlind",
        f"time() - max({m.RECONCILE_RUN}) > 1800 or absent({m.RECONCILE_RUN})",
        "10m",
        "critical",
        "The sweep over all models does not run",
        "Nothing has looked for half-finished heals for half an hour; what a crash leaves half done stays as it is.",
        (Series(m.RECONCILE_RUN, "0x80", {}),),
        (Series(m.RECONCILE_RUN, "0+60x80", {}),),
        labels={},
    ),
    Alert(
        "ModelmedicAlertLost",
        f'sum(increase({m.DEAD_LETTERS}{{sensor_name="triage"}}[15m])) > 0',
        "0m",
        "critical",
        "An alert could not be handed to triage",
        "The Sensor could not start triage; the notification is in its log, and Alertmanager will repeat it while the alert fires.",
        (Series(m.DEAD_LETTERS, "0+1x80", {"sensor_name": "triage", "trigger_name": "triage"}),),
        (Series(m.DEAD_LETTERS, "0x80", {"sensor_name": "triage", "trigger_name": "triage"}),),
        labels={},
    ),
    Alert(
        "ModelmedicWatchdog",
        "vector(1)",
        "0m",
        "none",
        "Alerts reach people",
        "This alert always fires. Route it to something that calls a person when it stops: silence of the whole chain is an alarm as well.",
        (Series(m.RECONCILE_RUN, "0+60x80", {}),),
        (),
        labels={},
    ),
)


def alert(name: str) -> Alert | None:
    return next((each for each in ALERTS if each.name == name), None)
