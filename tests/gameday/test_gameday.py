"""A gameday of a made stream: its plan, its command, and two drills with the real loop."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from modelmedic.steps.backtesting.past import read_past
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.gameday.judging import EXPECTED, Drill, Grade, SeenIncident
from modelmedic.steps.gameday.page import gameday_page
from modelmedic.steps.gameday.plan import plan_gameday
from modelmedic.steps.gameday.run import Gameday, PlannedFault, fault_named, gameday
from tests.benchmarks.backtest.streams import make
from tests.cli.program import run
from tests.reporting.page import Seen, harmless

PLAIN, ROWS = make("quiet", 3, a_day=60)
RULES = Policy.model_validate(
    {
        **PLAIN.model_dump(mode="json", by_alias=True),
        "refresh": "off",
        "retrain": {"history": "120d", "minRows": 400},
        "validate": {"minLabels": 200},
    }
)
SPAN = Window(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 7, 1, tzinfo=UTC))
DAY = timedelta(days=1)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """The policy and the rows as a person has them."""
    policy, rows = tmp_path / "policy.yaml", tmp_path / "rows.parquet"
    policy.write_text(yaml.safe_dump(RULES.model_dump(mode="json", by_alias=True, exclude_unset=True)))
    pq.write_table(ROWS.slice(0, 60 * 150), rows)
    return policy, rows


def test_fault_comes_after_two_thirds_with_calm_windows_before() -> None:
    plan = plan_gameday(RULES, SPAN, windows=2)
    assert plan.after.start == SPAN.start + 2 / 3 * SPAN.length
    assert plan.calm == Window(plan.after.start - 2 * RULES.detect.window, plan.after.start)
    assert plan.first == Window(SPAN.start, plan.calm.start)
    assert plan.after.length == 2 * RULES.detect.window


def test_fault_comes_earlier_where_its_windows_need_it() -> None:
    assert plan_gameday(RULES, SPAN, windows=8).after.end == SPAN.end


@pytest.mark.parametrize("at", [SPAN.start, SPAN.start + 20 * DAY, SPAN.end - 5 * DAY])
def test_fault_without_rows_before_or_after_it_is_refused(at: datetime) -> None:
    with pytest.raises(BadInput, match="expected"):
        plan_gameday(RULES, SPAN, at)


@pytest.mark.parametrize("text", ["unit", "flip:load", "release:load", ""])
def test_fault_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="expected"):
        fault_named(text)


def test_dry_run_names_what_would_be_planted_and_trains_nothing(files: tuple[Path, Path]) -> None:
    said = run("gameday", files[0], "--data", files[1], "--all", "--dry-run", "--json")
    assert said.exit_code == 0
    planted = json.loads(said.stdout)["faults"]
    assert [each["fault"] for each in planted] == list(EXPECTED)
    assert {each["fault"] for each in planted if each["rows"]} == {"units", "nulls", "stuck", "stale", "flip", "store-away"}


@pytest.mark.parametrize("more", [(), ("--all", "--fault", "flip"), ("--fault", "units:nobody"), ("--all", "--at", "soon")])
def test_asked_for_what_cannot_be_is_one_sentence(files: tuple[Path, Path], more: tuple[str, ...]) -> None:
    said = run("gameday", files[0], "--data", files[1], "--dry-run", *more)
    assert said.exit_code == BadInput.exit_code
    assert "expected" in said.stderr


def test_page_shows_each_drill_and_harms_nobody() -> None:
    plan = plan_gameday(RULES, SPAN)
    odd = SeenIncident(plan.after.start + DAY, None, Cause.DATA_QUALITY, ("<b>",), sentence="<script>alert(1)</script>")
    drills = (
        Drill("as-is", "nothing is planted", "nothing is called broken", Grade.AS_EXPECTED, "nothing was called broken"),
        Drill("units:<b>", "<i>", "quarantine", Grade.UNSAFE, "taught", Cause.DATA_QUALITY, ("<b>",), incidents=(odd,)),
    )
    seen = Seen(gameday_page(Gameday("churn", plan, 0, drills)))
    harmless(seen)
    assert "1 of 2 drills hold. Unsafe: units:<b>." in seen.words
    assert "i" not in {tag for tag, _ in seen.tags}


@pytest.mark.slow
def test_another_unit_is_set_aside_and_silence_is_told() -> None:
    past = read_past(RULES, ROWS.slice(0, 60 * 150))
    said = gameday(past, plan_gameday(RULES, past.span, windows=2), [PlannedFault("units", "load"), PlannedFault("no-traffic")])
    assert [(drill.fault, drill.grade) for drill in said.drills] == [("units:load", Grade.AS_EXPECTED), ("no-traffic", Grade.AS_EXPECTED)]
    units, silence = said.drills
    assert (units.cause, units.columns) == (Cause.DATA_QUALITY, ("load",))
    assert units.hours is not None
    assert 0 < units.hours <= 2 * 14 * 24
    assert silence.rows == 0
    assert said.holds
