"""Every metric that alerts, dashboards and the program itself agree on: its name, its kind, its
labels.

The predictor exposes its own; monitor, heal and reconcile run for moments and push theirs to a
Pushgateway, grouped by job and model, so that a value stands until the next run replaces it.
`PUSHED` are those; a step pushes nothing else.
"""

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """`name` is what Prometheus stores, `_total` of a counter included."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    help: str
    labels: tuple[str, ...] = ("model",)

    def __str__(self) -> str:
        return self.name


MONITOR_JOB: Final = "modelmedic-monitor"
HEAL_JOB: Final = "modelmedic-heal"
RECONCILE_JOB: Final = "modelmedic-reconcile"

# What the monitor says after each run.
MONITOR_RUN: Final = Metric("modelmedic_monitor_last_run_timestamp_seconds", "gauge", "When the monitor last came to a verdict.")
MONITOR_INTERVAL: Final = Metric("modelmedic_monitor_interval_seconds", "gauge", "How often the monitor is to run.")
OWNER: Final = Metric("modelmedic_owner_info", "gauge", "1 for the team that answers for the model.", ("model", "owner"))
ERROR_BOUND: Final = Metric("modelmedic_error_share_bound", "gauge", "Share of failed requests that the policy allows.")
LATENCY_BOUND: Final = Metric("modelmedic_latency_bound_seconds", "gauge", "p95 of a prediction request that the policy allows.")
ALARM: Final = Metric("modelmedic_alarm", "gauge", "1 while k of the last n windows alarm, by what they alarm of.", ("model", "state"))
VERDICT: Final = Metric("modelmedic_verdict", "gauge", "1 for what the last window was found to be.", ("model", "version", "state"))
WINDOW_ROWS: Final = Metric("modelmedic_window_rows", "gauge", "Rows of the current window.")
BLIND: Final = Metric("modelmedic_windows_blind", "gauge", "1 while k of the last n windows had too few rows to be judged.")
UNREADABLE: Final = Metric(
    "modelmedic_log_objects_unreadable", "gauge", "Objects of the inference log and the labels that the last look left out as damaged."
)
EFFECT: Final = Metric("modelmedic_column_effect", "gauge", "How far a column has moved, as a share of its threshold.", ("model", "column"))
PROBLEMS: Final = Metric("modelmedic_data_problems", "gauge", "Faults of the data in the current window.", ("model", "kind"))
LOSS: Final = Metric(
    "modelmedic_loss", "gauge", "Mean loss of labelled rows, in the reference and the current window.", ("model", "window")
)
EXPECTED: Final = Metric(
    "modelmedic_expected_loss", "gauge", "Mean loss to expect of the current window, whose labels are not all known, from its answers."
)
EXPECTED_USUAL: Final = Metric("modelmedic_expected_loss_usual", "gauge", "The highest expected loss that is usual for the windows before.")
EXPECTED_HIGH: Final = Metric("modelmedic_expected_loss_high", "gauge", "1 while the expected loss is higher than is usual.")
BUDGET: Final = Metric("modelmedic_error_budget_spent_ratio", "gauge", "Share of the labelled windows of 30 days that were degraded.")
LABELLED: Final = Metric("modelmedic_labelled_ratio", "gauge", "Share of the rows whose label is due that have one.")
LABEL_LAG: Final = Metric("modelmedic_label_lag_seconds", "gauge", "How far the newest label lies behind the delay that the policy allows.")
RELEASE_BAD: Final = Metric("modelmedic_release_bad", "gauge", "1 while an incident is open in which a comparison accuses the champion.")
AGEING_COST: Final = Metric(
    "modelmedic_ageing_cost_percent_days",
    "gauge",
    "What the champion's age has cost since the last training, in per cent of the loss, times days.",
)
TRAINING_COST: Final = Metric(
    "modelmedic_training_cost_percent_days", "gauge", "What a training costs, in per cent of the loss, times days."
)
AGEING_RATE: Final = Metric("modelmedic_ageing_percent_per_day", "gauge", "How much the loss rises for each day of the champion's age.")
REFRESH_INTERVAL: Final = Metric("modelmedic_refresh_interval_days", "gauge", "The best time between two trainings, from the ageing.")
RETRAINING_PAYS: Final = Metric("modelmedic_retraining_pays", "gauge", "1 while a training is due that no limit holds back.")

# What a heal says as it goes, and when it has ended.
CANARY_SHARE: Final = Metric("modelmedic_canary_share_percent", "gauge", "Percent of the traffic that goes to the challenger.")
CANARY_WORSE: Final = Metric("modelmedic_canary_worse", "gauge", "1 after a canary was judged worse, until the next one.")
HEAL_END: Final = Metric(
    "modelmedic_heal_last_end_timestamp_seconds", "gauge", "When the last heal with this outcome ended.", ("model", "outcome")
)
HEAL_FAILED: Final = Metric("modelmedic_heal_failed", "gauge", "1 after a heal that an error ended, until the next one that did not.")

# What the sweep over all models says.
RECONCILE_RUN: Final = Metric("modelmedic_reconcile_last_run_timestamp_seconds", "gauge", "When the last sweep ended.", ())
INCIDENTS: Final = Metric("modelmedic_incidents_open", "gauge", "Open incidents.")
WAITING: Final = Metric("modelmedic_approval_waiting_seconds", "gauge", "How long the open approval request has waited; 0 for none.")
BREAKER: Final = Metric("modelmedic_breaker_open", "gauge", "1 while the breaker lets no heal through.")
FROZEN: Final = Metric("modelmedic_frozen", "gauge", "1 while a freeze lets nothing advance.")
MESSAGES_LOST: Final = Metric("modelmedic_messages_lost", "gauge", "Messages of the last day that somebody who is to be told did not take.")
DISAGREEMENT: Final = Metric("modelmedic_disagreement", "gauge", "1 while served version, alias and record do not agree.")
EVENTS_WAITING: Final = Metric("modelmedic_events_waiting", "gauge", "Audit records that the events sink has not received yet.")

PUSHED: Final[dict[str, tuple[Metric, ...]]] = {
    MONITOR_JOB: (
        MONITOR_RUN,
        MONITOR_INTERVAL,
        OWNER,
        ERROR_BOUND,
        LATENCY_BOUND,
        ALARM,
        VERDICT,
        WINDOW_ROWS,
        BLIND,
        UNREADABLE,
        EFFECT,
        PROBLEMS,
        LOSS,
        EXPECTED,
        EXPECTED_USUAL,
        EXPECTED_HIGH,
        BUDGET,
        LABELLED,
        LABEL_LAG,
        RELEASE_BAD,
        AGEING_COST,
        TRAINING_COST,
        AGEING_RATE,
        REFRESH_INTERVAL,
        RETRAINING_PAYS,
    ),
    HEAL_JOB: (CANARY_SHARE, CANARY_WORSE, HEAL_END, HEAL_FAILED),
    RECONCILE_JOB: (RECONCILE_RUN, INCIDENTS, WAITING, BREAKER, FROZEN, MESSAGES_LOST, DISAGREEMENT, EVENTS_WAITING),
}

# What a predictor exposes itself (steps.serving.metrics).
REQUESTS: Final = Metric("modelmedic_requests_total", "counter", "Prediction requests.", ("model", "version", "code"))
FAILURES: Final = Metric("modelmedic_request_failures_total", "counter", "Requests not answered with 2xx.", ("model", "version", "code"))
SECONDS: Final = Metric("modelmedic_request_seconds", "histogram", "Time of a prediction request.", ("model", "version"))
MODEL_INFO: Final = Metric("modelmedic_model_info", "gauge", "1 for the model that is served.", ("model", "version", "digest"))
LOG_DROPPED: Final = Metric(
    "modelmedic_log_rows_dropped_total", "counter", "Rows of the inference log that were lost.", ("model", "version")
)
LOG_PENDING: Final = Metric("modelmedic_log_rows_pending", "gauge", "Rows of the inference log that wait.", ("model", "version"))
EXPOSED: Final = (REQUESTS, FAILURES, SECONDS, MODEL_INFO, LOG_DROPPED, LOG_PENDING)

# What the programs round us expose, as far as we look at it.
DEAD_LETTERS: Final = Metric(
    "argo_events_action_failed_total", "counter", "Triggers of a Sensor that failed.", ("sensor_name", "trigger_name")
)
FOREIGN: Final = (DEAD_LETTERS,)

ALL: Final = (*(metric for metrics in PUSHED.values() for metric in metrics), *EXPOSED, *FOREIGN)
