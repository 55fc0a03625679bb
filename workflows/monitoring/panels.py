"""The panels of the dashboards, as data: the fleet at a glance, and one model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from modelmedic.steps.contracts import metrics as m
from modelmedic.workflows.monitoring.recording_rules import FAILED_SHARE, REQUEST_RATE, SLOWEST, STATE, STATE_NUMBERS

_MODEL: Final = 'model="$model"'
_GREEN, _BLUE, _ORANGE, _RED, _GREY = "green", "blue", "orange", "red", "#8e8e8e"
Steps = tuple[tuple[float | None, str], ...]

_NONE_IS_GOOD: Final[Steps] = ((None, _GREEN), (1, _RED))
_NONE_IS_BEST: Final[Steps] = ((None, _GREEN), (1, _ORANGE))
_FACT: Final[Steps] = ((None, _BLUE),)
_NO_YES: Final = {0: ("no", _GREEN), 1: ("yes", _RED)}
_NO_OPEN: Final = {0: ("no", _GREEN), 1: ("yes", _ORANGE)}
_COLOURS: Final = (_GREY, _GREEN, _BLUE, _ORANGE, _RED)
_STATES: Final = {number: (state.value, _COLOURS[number]) for state, number in STATE_NUMBERS.items()}
_NO_SWEEP: Final = "no sweep yet"
_NOT_MEASURED: Final = "not measured yet, or refresh is off"


@dataclass(frozen=True, slots=True)
class Panel:
    """`thresholds` are colours from a value on, the first from the lowest; `words` are said for a
    value, in a colour. `nothing` is said where the queries answer nothing: only a panel that has
    it may be empty for a model that is well. `alert` names the one whose runbook it links to.
    """

    title: str
    kind: Literal["lines", "number", "table", "states"]
    queries: tuple[tuple[str, str], ...]  # expression, legend
    unit: str = "short"
    width: int = 12  # of 24 columns
    description: str = ""
    thresholds: Steps = ()
    words: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)  # of a table: heading by the label or Value
    nothing: str = ""
    alert: str = ""


def _sum(metric: m.Metric) -> str:
    return f"sum(max by (model) ({metric}))"


def _count(metric: m.Metric) -> str:
    """The models whose value is above 0; nothing, rather than 0, while nobody tells."""
    return f"sum(max by (model) ({metric}) > bool 0)"


def _of_model(metric: m.Metric) -> str:
    return f"max({metric}{{{_MODEL}}})"


FLEET: Final = (
    Panel(
        "Models that alarm",
        "number",
        ((_count(m.ALARM), ""),),
        width=4,
        thresholds=_NONE_IS_GOOD,
        nothing="no monitor yet",
        description="Broken, degraded or drifted in as many windows as the policy asks for.",
    ),
    Panel("Open incidents", "number", ((_sum(m.INCIDENTS), ""),), width=4, thresholds=_NONE_IS_BEST, nothing=_NO_SWEEP),
    Panel(
        "Waiting for an answer",
        "number",
        ((_count(m.WAITING), ""),),
        width=4,
        thresholds=_NONE_IS_BEST,
        nothing=_NO_SWEEP,
        description="Heals that wait for a person. No answer in time is a rejection.",
        alert="ModelmedicApprovalWaiting",
    ),
    Panel(
        "Breakers open",
        "number",
        ((_sum(m.BREAKER), ""),),
        width=4,
        thresholds=_NONE_IS_GOOD,
        nothing=_NO_SWEEP,
        description="Models that no heal advances any more after too many that failed.",
        alert="ModelmedicBreakerOpen",
    ),
    Panel(
        "Served is not recorded",
        "number",
        ((_sum(m.DISAGREEMENT), ""),),
        width=4,
        thresholds=_NONE_IS_GOOD,
        nothing=_NO_SWEEP,
        description="Models whose served version, champion alias and last record do not agree.",
        alert="ModelmedicDisagreement",
    ),
    Panel("Frozen", "number", ((_sum(m.FROZEN), ""),), width=4, thresholds=((None, _GREEN), (1, _BLUE)), nothing=_NO_SWEEP),
    Panel("Verdict by model", "states", ((str(STATE), "{{model}}"),), width=24, words=_STATES),
    Panel(
        "Error budget spent",
        "lines",
        ((f"max by (model) ({m.BUDGET})", "{{model}}"),),
        "percentunit",
        thresholds=((None, _GREEN), (0.5, _RED)),
        description="Share of the labelled windows of 30 days that were degraded.",
        alert="ModelmedicDegraded",
    ),
    Panel(
        "Age of the last verdict",
        "lines",
        ((f"(time() - max by (model) ({m.MONITOR_RUN})) / max by (model) ({m.MONITOR_INTERVAL})", "{{model}}"),),
        thresholds=((None, _GREEN), (3, _RED)),
        description="In intervals of the model's monitor, which is called blind at three.",
        alert="ModelmedicMonitorBlind",
    ),
    Panel(
        "Last heals",
        "table",
        ((f"max by (model, outcome) ({m.HEAL_END}) * 1000", ""),),
        "dateTimeAsIso",
        24,
        columns={"model": "Model", "outcome": "Outcome", "Value": "Ended"},
        nothing="no heal has ended yet",
    ),
    Panel(
        "Records that the events sink lacks",
        "lines",
        ((f"max by (model) ({m.EVENTS_WAITING})", "{{model}}"),),
        width=24,
        nothing=_NO_SWEEP,
        description="They are sent by the next sweeps. A line that only rises is a sink that takes no events.",
    ),
)

MODEL: Final = (
    Panel("Incident open", "number", ((_of_model(m.INCIDENTS), ""),), width=4, words=_NO_OPEN, nothing=_NO_SWEEP),
    Panel(
        "Waits for an answer",
        "number",
        ((_of_model(m.WAITING), ""),),
        "s",
        4,
        thresholds=((None, _GREEN), (1, _ORANGE), (14400, _RED)),
        nothing=_NO_SWEEP,
        alert="ModelmedicApprovalWaiting",
    ),
    Panel(
        "Breaker open",
        "number",
        ((_of_model(m.BREAKER), ""),),
        width=4,
        words=_NO_YES,
        nothing=_NO_SWEEP,
        alert="ModelmedicBreakerOpen",
    ),
    Panel(
        "Served is not recorded",
        "number",
        ((_of_model(m.DISAGREEMENT), ""),),
        width=4,
        words=_NO_YES,
        nothing=_NO_SWEEP,
        alert="ModelmedicDisagreement",
    ),
    Panel(
        "Last heal failed",
        "number",
        ((_of_model(m.HEAL_FAILED), ""),),
        width=4,
        words=_NO_YES,
        nothing=_NO_SWEEP,
        alert="ModelmedicHealFailed",
    ),
    Panel("Since the last verdict", "number", ((f"time() - {_of_model(m.MONITOR_RUN)}", ""),), "s", 4, thresholds=_FACT),
    Panel("Verdict", "states", ((f"{STATE}{{{_MODEL}}}", "{{model}}"),), width=24, words=_STATES),
    Panel(
        "How far columns have moved",
        "lines",
        ((f"max by (column) ({m.EFFECT}{{{_MODEL}}})", "{{column}}"),),
        thresholds=((None, _GREEN), (1, _RED)),
        description="1 is the threshold that the policy's false alarms a year come to.",
        alert="ModelmedicDrift",
    ),
    Panel(
        "Loss",
        "lines",
        (
            (f"max by (window) ({m.LOSS}{{{_MODEL}}})", "{{window}} window"),
            (_of_model(m.EXPECTED), "expected of the current window"),
            (_of_model(m.EXPECTED_USUAL), "the highest that is usual to be expected"),
        ),
        nothing="no labels yet",
        description="Mean loss of labelled rows; and what the answers of rows without a label let expect.",
        alert="ModelmedicDegraded",
    ),
    Panel(
        "Error budget spent",
        "lines",
        ((_of_model(m.BUDGET), "spent"),),
        "percentunit",
        thresholds=((None, _GREEN), (0.5, _RED)),
        description="Share of the labelled windows of 30 days that were degraded.",
    ),
    Panel(
        "Ageing against a training",
        "lines",
        ((_of_model(m.AGEING_COST), "the champion's age has cost"), (_of_model(m.TRAINING_COST), "a training costs")),
        description="In per cent of the loss, times days. A training is due when the first comes to the second.",
        nothing=_NOT_MEASURED,
        alert="ModelmedicRetrainingPays",
    ),
    Panel(
        "Ageing",
        "lines",
        ((_of_model(m.AGEING_RATE), "of the loss, a day of age"),),
        "percent",
        nothing=_NOT_MEASURED,
    ),
    Panel("Best time between trainings", "lines", ((_of_model(m.REFRESH_INTERVAL), "days"),), "d", nothing=_NOT_MEASURED),
    Panel(
        "Faults of the data",
        "lines",
        (
            (
                f'max by (kind) ({m.PROBLEMS}{{{_MODEL}}}) or on () label_replace({_of_model(m.WINDOW_ROWS)} * 0, "kind", "none", "", "")',
                "{{kind}}",
            ),
        ),
        description="Missing columns, nulls, another unit and the like in the current window.",
        alert="ModelmedicDataBroken",
    ),
    Panel("Rows of the window", "lines", ((_of_model(m.WINDOW_ROWS), "rows"),)),
    Panel(
        "Labels",
        "lines",
        ((_of_model(m.LABELLED), "labelled"),),
        "percentunit",
        description="Of the rows whose label is due.",
        alert="ModelmedicLabelsLate",
    ),
    Panel("Requests by version", "lines", ((f"{REQUEST_RATE}{{{_MODEL}}}", "version {{version}}"),), "reqps"),
    Panel("Requests that failed", "lines", ((f"{FAILED_SHARE}{{{_MODEL}}}", "version {{version}}"),), "percentunit"),
    Panel("p95 of a request", "lines", ((f"{SLOWEST}{{{_MODEL}}}", "version {{version}}"),), "s"),
    Panel(
        "Share of the canary",
        "lines",
        ((_of_model(m.CANARY_SHARE), "of the traffic"),),
        "percent",
        nothing=_NO_SWEEP,
        alert="ModelmedicCanaryWorse",
    ),
    Panel(
        "Inference log that waits",
        "lines",
        ((f"sum by (version) ({m.LOG_PENDING}{{{_MODEL}}})", "version {{version}}"),),
        description="Rows that the store does not have yet.",
        alert="ModelmedicInferenceLogLost",
    ),
    Panel(
        "Last heals",
        "table",
        ((f"max by (outcome) ({m.HEAL_END}{{{_MODEL}}}) * 1000", ""),),
        "dateTimeAsIso",
        24,
        columns={"outcome": "Outcome", "Value": "Ended"},
        nothing="no heal has ended yet",
    ),
)
HEALS: Final = f"max by (model, outcome) ({m.HEAL_END}{{{_MODEL}}}) * 1000"  # the moments at which lines are marked


def queries() -> list[str]:
    return [HEALS, *(expression for panel in (*FLEET, *MODEL) for expression, _ in panel.queries)]
