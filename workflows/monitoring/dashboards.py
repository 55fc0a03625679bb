"""Grafana dashboards: the fleet at a glance, and one model. Stable uids, the data source as a
variable, no job names.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from modelmedic.steps.contracts import metrics as m
from modelmedic.workflows.inputs.labels import metadata
from modelmedic.workflows.inputs.platform import Platform

_SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
_MODEL: Final = 'model="$model"'
_KINDS: Final[dict[str, Any]] = {"lines": timeseries.Panel, "number": stat.Panel, "table": table.Panel, "states": statetimeline.Panel}


@dataclass(frozen=True, slots=True)
class Panel:
    title: str
    kind: str
    queries: tuple[tuple[str, str], ...]  # expression, legend
    unit: str = "short"
    width: int = 12  # of 24 columns
    description: str = ""


FLEET: Final = (
    Panel("Models that alarm", "number", ((f"count(max by (model) ({m.ALARM}) == 1) or vector(0)", ""),), width=6),
    Panel("Open incidents", "number", ((f"sum(max by (model) ({m.INCIDENTS}))", ""),), width=6),
    Panel("Breakers open", "number", ((f"sum(max by (model) ({m.BREAKER}))", ""),), width=6),
    Panel("Waiting for an answer", "number", ((f"count(max by (model) ({m.WAITING}) > 0) or vector(0)", ""),), width=6),
    Panel("Verdict by model", "states", ((f"max by (model, state) ({m.VERDICT}) == 1", "{{model}} {{state}}"),), width=24),
    Panel("Error budget spent", "lines", ((f"max by (model) ({m.BUDGET})", "{{model}}"),), "percentunit"),
    Panel("Time since the last verdict", "lines", ((f"time() - max by (model) ({m.MONITOR_RUN})", "{{model}}"),), "s"),
    Panel("Last heals", "table", ((f"max by (model, outcome) ({m.HEAL_END})", "{{model}} {{outcome}}"),), "dateTimeAsIso", 24),
)

MODEL: Final = (
    Panel("Verdict", "states", ((f"max by (state) ({m.VERDICT}{{{_MODEL}}}) == 1", "{{state}}"),), width=24),
    Panel(
        "How far columns have moved",
        "lines",
        ((f"max by (column) ({m.EFFECT}{{{_MODEL}}})", "{{column}}"),),
        "percentunit",
        description="1 is the threshold that the policy's false alarms a year come to.",
    ),
    Panel("Loss", "lines", ((f"max by (window) ({m.LOSS}{{{_MODEL}}})", "{{window}} window"),)),
    Panel("Error budget spent", "lines", ((f"max({m.BUDGET}{{{_MODEL}}})", "spent"),), "percentunit"),
    Panel(
        "Ageing against a training",
        "lines",
        ((f"max({m.AGEING_COST}{{{_MODEL}}})", "the champion's age has cost"), (f"max({m.TRAINING_COST}{{{_MODEL}}})", "a training costs")),
        description="In per cent of the loss, times days. A training is due when the first comes to the second.",
    ),
    Panel("Ageing", "lines", ((f"max({m.AGEING_RATE}{{{_MODEL}}})", "of the loss, a day of age"),), "percent"),
    Panel("Best time between trainings", "lines", ((f"max({m.REFRESH_INTERVAL}{{{_MODEL}}})", "days"),), "d"),
    Panel("Faults of the data", "lines", ((f"max by (kind) ({m.PROBLEMS}{{{_MODEL}}})", "{{kind}}"),)),
    Panel("Rows of the window", "lines", ((f"max({m.WINDOW_ROWS}{{{_MODEL}}})", "rows"),)),
    Panel(
        "Labels",
        "lines",
        ((f"max({m.LABELLED}{{{_MODEL}}})", "labelled"),),
        "percentunit",
        description="Of the rows whose label is due.",
    ),
    Panel(
        "Requests by version",
        "lines",
        ((f"sum by (version) (rate({m.REQUESTS}{{{_MODEL}}}[5m]))", "{{version}}"),),
        "reqps",
    ),
    Panel(
        "Requests that failed",
        "lines",
        (
            (
                f"sum by (version) (rate({m.FAILURES}{{{_MODEL}}}[5m])) / sum by (version) (rate({m.REQUESTS}{{{_MODEL}}}[5m]))",
                "{{version}}",
            ),
        ),
        "percentunit",
    ),
    Panel(
        "p95 of a request",
        "lines",
        ((f"histogram_quantile(0.95, sum by (le, version) (rate({m.SECONDS}_bucket{{{_MODEL}}}[5m])))", "{{version}}"),),
        "s",
    ),
    Panel("Share of the canary", "lines", ((f"max({m.CANARY_SHARE}{{{_MODEL}}})", "percent of the traffic"),), "percent"),
    Panel("Inference log that waits", "lines", ((f"sum by (version) ({m.LOG_PENDING}{{{_MODEL}}})", "{{version}}"),)),
    Panel("Last heals", "table", ((f"max by (outcome) ({m.HEAL_END}{{{_MODEL}}})", "{{outcome}}"),), "dateTimeAsIso", 24),
)


def dashboards() -> dict[str, str]:
    """JSON of each dashboard by its uid."""
    chosen = dashboard.QueryVariable("model").label("Model").query(f"label_values({m.MONITOR_RUN}, model)").datasource(_SOURCE)
    return {
        "modelmedic-fleet": _json(_laid_out(_board("modelmedic-fleet", "Modelmedic: all models"), FLEET)),
        "modelmedic-model": _json(_laid_out(_board("modelmedic-model", "Modelmedic: one model").with_variable(chosen), MODEL)),
    }


def config_maps(platform: Platform) -> list[dict[str, Any]]:
    """The dashboards as ConfigMaps for Grafana's sidecar, which looks for the label
    `grafana_dashboard`.
    """
    return [_config_map(uid, text, platform) for uid, text in dashboards().items()]


def queries() -> list[str]:
    return [expression for panel in (*FLEET, *MODEL) for expression, _ in panel.queries]


def _config_map(uid: str, text: str, platform: Platform) -> dict[str, Any]:
    described = metadata(f"{uid}-dashboard", platform.namespace, "monitoring")
    described["labels"] |= {"grafana_dashboard": "1"}
    described["annotations"] |= {"grafana_folder": "Modelmedic"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": described, "data": {f"{uid}.json": text}}


def _board(uid: str, title: str) -> dashboard.Dashboard:
    source = dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")
    return (
        dashboard.Dashboard(title).uid(uid).tags(["modelmedic"]).timezone("utc").time("now-7d", "now").refresh("1m").with_variable(source)
    )


def _laid_out(board: dashboard.Dashboard, panels: tuple[Panel, ...]) -> dashboard.Dashboard:
    for panel in panels:
        board.with_panel(_panel(panel))
    return board


def _panel(panel: Panel) -> Any:
    built = _KINDS[panel.kind]().title(panel.title).description(panel.description).datasource(_SOURCE).unit(panel.unit).span(panel.width)
    height = 8
    if panel.kind == "number":
        height = 4
        built.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    for number, (expression, legend) in enumerate(panel.queries):
        query = prometheus.Dataquery().expr(expression).ref_id(chr(ord("A") + number)).datasource(_SOURCE)
        built.with_target(query.legend_format(legend) if legend else query)
    return built.height(height)


def _json(board: dashboard.Dashboard) -> str:
    return json.dumps(board.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"
