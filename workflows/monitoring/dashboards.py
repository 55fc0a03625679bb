"""Grafana dashboards: the fleet at a glance, and one model. Stable uids, the data source as a
variable, no job names.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from modelmedic.steps.contracts import metrics as m
from modelmedic.workflows.inputs.labels import metadata
from modelmedic.workflows.inputs.platform import Platform
from modelmedic.workflows.monitoring.panels import FLEET, HEALS, MODEL, Panel, Steps

_SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
_KINDS: Final[dict[str, Any]] = {"lines": timeseries.Panel, "number": stat.Panel, "table": table.Panel, "states": statetimeline.Panel}
_HEIGHTS: Final = {"number": 4, "states": 6}
_OTHER: Final = 8
_TO_MODEL: Final = "/d/modelmedic-model?var-model=${__data.fields.model}&${__url_time_range}"
_TO_MODEL_OF_SERIES: Final = "/d/modelmedic-model?var-model=${__field.labels.model}&${__url_time_range}"


def dashboards(platform: Platform) -> dict[str, str]:
    """JSON of each dashboard by its uid."""
    chosen = dashboard.QueryVariable("model").label("Model").query(f"label_values({m.MONITOR_RUN}, model)").datasource(_SOURCE)
    fleet = _board("modelmedic-fleet", "Modelmedic: all models").link(_link("Runbooks", platform.links.runbooks))
    model = _board("modelmedic-model", "Modelmedic: one model").with_variable(chosen).annotation(_heals())
    model.link(_link("All models", "/d/modelmedic-fleet"))
    return {
        "modelmedic-fleet": _json(_laid_out(fleet, FLEET, platform)),
        "modelmedic-model": _json(_laid_out(model, MODEL, platform)),
    }


def config_maps(platform: Platform) -> list[dict[str, Any]]:
    """The dashboards as ConfigMaps for Grafana's sidecar, which looks for the label
    `grafana_dashboard`.
    """
    return [_config_map(uid, text, platform) for uid, text in dashboards(platform).items()]


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


def _heals() -> dashboard.AnnotationQuery:
    """A mark over every line at the end of each heal. The value is the time, which Grafana takes in
    milliseconds.
    """
    return (
        dashboard.AnnotationQuery()
        .name("Heals")
        .datasource(_SOURCE)
        .enable(True)
        .icon_color("purple")
        .target(prometheus.Dataquery().expr(HEALS).ref_id("Anno").datasource(_SOURCE))
        .use_value_for_time(True)
        .title_format("heal: {{outcome}}")
        .tag_keys("outcome")
        .step("1h")
    )


def _link(title: str, url: str) -> dashboard.DashboardLink:
    return dashboard.DashboardLink(title).type(DashboardLinkType.LINK).url(url).keep_time(True)


def _laid_out(board: dashboard.Dashboard, panels: tuple[Panel, ...], platform: Platform) -> dashboard.Dashboard:
    for panel in panels:
        built = _panel(panel)
        if panel.alert:
            built.links([dashboard.DashboardLink("Runbook").url(f"{platform.links.runbooks}/{panel.alert}.md").target_blank(True)])
        board.with_panel(built)
    return board


def _panel(panel: Panel) -> Any:
    built = _KINDS[panel.kind]().title(panel.title).description(panel.description).datasource(_SOURCE).span(panel.width)
    built.height(_HEIGHTS.get(panel.kind, _OTHER))
    if panel.nothing:
        built.no_value(panel.nothing)
    if panel.words:
        built.mappings([_words(panel.words)])
    if panel.thresholds:
        built.thresholds(_thresholds(panel.thresholds))
    _OF_KIND[panel.kind](built, panel)
    for number, (expression, legend) in enumerate(panel.queries):
        built.with_target(_query(panel, expression, legend).ref_id(chr(ord("A") + number)))
    return built


def _query(panel: Panel, expression: str, legend: str) -> prometheus.Dataquery:
    """What a table and a number show is how things stand; the others show how they went."""
    query = prometheus.Dataquery().expr(expression).datasource(_SOURCE)
    if panel.kind == "table":
        query.instant().format(PromQueryFormat.TABLE)
    elif panel.kind == "number":
        query.instant()
    else:
        query.range()
    return query.legend_format(legend) if legend else query


def _number(built: Any, panel: Panel) -> None:
    built.unit(panel.unit).reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    built.color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
    built.graph_mode(BigValueGraphMode.NONE).color_mode(BigValueColorMode.BACKGROUND)


def _lines(built: Any, panel: Panel) -> None:
    built.unit(panel.unit).show_points(VisibilityMode.NEVER).line_width(2).min(0)
    built.color_scheme(dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
    built.legend(common.VizLegendOptions().show_legend(True).display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM))
    built.tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    if len(panel.thresholds) > 1:
        built.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))


def _states(built: Any, _panel: Panel) -> None:
    built.show_value(VisibilityMode.AUTO).merge_values(True).data_links([_to_model(_TO_MODEL_OF_SERIES)])


def _table(built: Any, panel: Panel) -> None:
    """Only the value is a moment; the time of the query is left out. The latest comes first."""
    built.with_transformation(DataTransformerConfig("organize", options=_organized(panel.columns)))
    ended = panel.columns["Value"]
    built.with_transformation(DataTransformerConfig("sortBy", options={"fields": {}, "sort": [{"field": ended, "desc": True}]}))
    built.override_by_name(ended, [DynamicConfigValue("unit", panel.unit)])
    if "model" in panel.columns:
        link = {"title": "The model", "url": _TO_MODEL.replace("fields.model", f"fields.{panel.columns['model']}")}
        built.override_by_name(panel.columns["model"], [DynamicConfigValue("links", [link])])


def _organized(columns: Mapping[str, str]) -> dict[str, Any]:
    order = {name: place for place, name in enumerate(columns)}
    return {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": dict(columns)}


def _to_model(url: str) -> dashboard.DashboardLink:
    return dashboard.DashboardLink("The model").url(url)


_OF_KIND: Final = {"number": _number, "lines": _lines, "states": _states, "table": _table}


def _thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([Threshold(value, colour) for value, colour in steps])


def _words(words: Mapping[int, tuple[str, str]]) -> ValueMap:
    found = {str(value): ValueMappingResult(*said, index=place) for place, (value, said) in enumerate(words.items())}
    return ValueMap(found)


def _json(board: dashboard.Dashboard) -> str:
    return json.dumps(board.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"
