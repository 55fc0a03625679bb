"""Every panel of the dashboards has something to say of a model that is well and of one in trouble,
by what a real Prometheus makes of what a real Pushgateway was told.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from modelmedic.workflows.inputs.platform import Platform
from modelmedic.workflows.monitoring.dashboards import dashboards
from modelmedic.workflows.monitoring.panels import FLEET, MODEL
from tests.fakes.programs import PROMETHEUS, PROMTOOL, PUSHGATEWAY, missing, pushgateway
from tests.render.panels.board import Asker, answering
from tests.render.panels.draw import draw, said, table
from tests.render.panels.lives import END, HEALTHY, START_OF_HISTORY, STEP, TROUBLED, play

pytestmark = pytest.mark.skipif(
    missing(PROMETHEUS, PROMTOOL, PUSHGATEWAY), reason="Debian's packages prometheus and prometheus-pushgateway are not installed"
)
BOARDS = {uid: json.loads(text) for uid, text in dashboards(Platform()).items()}


@pytest.fixture(scope="module")
def asker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    folder = tmp_path_factory.mktemp("panels")
    with pushgateway() as url:
        history = play(folder, url)
    with answering(folder, history, START_OF_HISTORY, END, STEP) as asker:
        yield asker


def panels(kind: str) -> dict[str, Mapping[str, Any]]:
    return {panel["title"]: panel for panel in BOARDS[f"modelmedic-{kind}"]["panels"]}


def empty(asker: Asker, model: str) -> set[str]:
    return {title for title, panel in panels("model").items() if not asker.series(panel, model)}


def words(asker: Asker, kind: str, model: str = "") -> dict[str, tuple[str, str]]:
    """What each number says, and its colour."""
    numbers = {title: panel for title, panel in panels(kind).items() if panel["type"] == "stat"}
    return {title: said(panel, asker.series(panel, model)[0].last) for title, panel in numbers.items()}


def test_no_panel_is_empty_for_a_model_that_is_well_without_saying_why(asker: Asker) -> None:
    assert empty(asker, HEALTHY) == {"Last heals"}
    assert panels("model")["Last heals"]["fieldConfig"]["defaults"]["noValue"] == "no heal has ended yet"


def test_no_panel_is_empty_for_a_model_in_trouble_without_saying_why(asker: Asker) -> None:
    says = {panel.title: panel.nothing for panel in MODEL}
    unmeasured = {"Ageing against a training", "Ageing", "Best time between trainings"}
    assert empty(asker, TROUBLED) == unmeasured
    assert {says[title] for title in unmeasured} == {"not measured yet, or refresh is off"}


def test_no_panel_of_the_fleet_is_empty(asker: Asker) -> None:
    assert [panel.title for panel in FLEET if not asker.series(panels("fleet")[panel.title])] == []


def test_what_is_wrong_is_not_green(asker: Asker) -> None:
    green, red, orange = "#73bf69", "#f2495c", "#ff9830"
    assert words(asker, "fleet") == {
        "Models that alarm": ("1", red),
        "Open incidents": ("1", orange),
        "Waiting for an answer": ("1", orange),
        "Breakers open": ("1", red),
        "Served is not recorded": ("0", green),
        "Frozen": ("0", green),
    }
    assert words(asker, "model", TROUBLED)["Breaker open"] == ("yes", red)
    assert {colour for title, (_, colour) in words(asker, "model", HEALTHY).items() if title != "Since the last verdict"} == {green}


def test_last_heals_are_of_this_century_and_the_table_shows_only_how_things_stand(asker: Asker) -> None:
    panel = panels("fleet")["Last heals"]
    series = asker.series(panel)
    assert table(panel, series) == [{"Model": TROUBLED, "Outcome": "escalated", "Ended": "2024-03-15 18:00:00"}]
    assert [len(each.points) for each in series] == [1]


def test_verdicts_are_one_row_a_model_and_go_through_their_states(asker: Asker) -> None:
    panel = panels("fleet")["Verdict by model"]
    courses = {each.name: [said(panel, value)[0] for _, value in each.points] for each in asker.series(panel)}
    assert set(courses) == {HEALTHY, TROUBLED}
    assert set(courses[HEALTHY]) == {"quiet"}
    assert list(dict.fromkeys(courses[TROUBLED])) == ["drifted", "degraded", "broken"]


def test_requests_that_failed_are_a_share_and_none_is_no_hole(asker: Asker) -> None:
    panel = panels("model")["Requests that failed"]
    (well,), (troubled,) = (asker.series(panel, model) for model in (HEALTHY, TROUBLED))
    assert {value for _, value in well.points} == {0.0}
    assert 0 < max(value for _, value in troubled.points) < 0.5
    assert len(well.points) == len(troubled.points)


def test_heals_are_marked_at_the_moments_at_which_they_ended(asker: Asker) -> None:
    (annotation,) = BOARDS["modelmedic-model"]["annotations"]["list"]
    assert (annotation["useValueForTime"], annotation["titleFormat"]) == (True, "heal: {{outcome}}")
    ended = {value / 1000 for _, points in asker.course(annotation["target"]["expr"], TROUBLED) for _, value in points}
    assert len(ended) == 3
    assert all(START_OF_HISTORY.timestamp() < at < END.timestamp() for at in ended)


def test_a_dashboard_can_be_drawn_to_be_looked_at(asker: Asker, tmp_path: Path) -> None:
    draw(BOARDS["modelmedic-model"], asker, tmp_path / "model.png", TROUBLED)
    assert (tmp_path / "model.png").read_bytes()[:4] == b"\x89PNG"
