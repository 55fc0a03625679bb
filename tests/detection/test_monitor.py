"""The monitor: a verdict per window, an incident only when it persists, and never about another
champion's days.
"""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from modelmedic.steps.contracts.detection import ProblemKind, Verdict
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.inference_log import span_key
from modelmedic.steps.contracts.keys import verdict_key
from modelmedic.steps.contracts.metrics import BLIND, UNREADABLE
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Outcome, VerdictState
from modelmedic.steps.detection.metrics import monitor_samples
from modelmedic.steps.detection.monitor import monitor, stored_verdicts
from modelmedic.steps.records.documents import read
from tests.data.log import DAY, START, policy
from tests.worlds.detection import MonitoredSite, monitored_site


@pytest.fixture
def here(tmp_path: Path) -> MonitoredSite:
    return monitored_site(tmp_path)


def older(table: pa.Table) -> pa.Table:
    return table.set_column(2, "age", pc.add(table["age"], 8.0))


def turned(table: pa.Table) -> pa.Table:
    """The world turned round: the model is wrong now, and its inputs look as ever."""
    return table.set_column(table.column_names.index("defaulted"), "defaulted", pc.subtract(1.0, table["defaulted"]))


def without_region(table: pa.Table) -> pa.Table:
    return table.drop_columns(["region"])


def test_a_quiet_week_is_written_down_and_opens_nothing(here: MonitoredSite) -> None:
    here.serve(0)
    seen = monitor(here.site, here.at(7))
    assert (seen.verdict.state, seen.incident, seen.opened) == (VerdictState.QUIET, None, False)
    stored = read(here.site.store, Verdict, verdict_key("loans", "1", START + 7 * DAY, here.site.policy.hash))
    assert stored == seen.verdict
    assert seen.verdict.window == Window(START, START + 7 * DAY)
    assert here.events() == ["thresholds.calibrated", "drift.measured", "ageing.measured"]


def test_one_drifted_week_is_no_incident_and_the_second_is(here: MonitoredSite) -> None:
    here.serve(0, change=older)
    here.serve(7, change=older)
    once = monitor(here.site, here.at(7))
    assert (once.verdict.state, once.incident) == (VerdictState.DRIFTED, None)
    assert "1 of the last 3 windows alarm; 2 open an incident" in once.sentence
    second = monitor(here.site, here.at(14))
    assert (second.verdict.state, second.opened) == (VerdictState.DRIFTED, True)
    incident = here.site.ledger.current("loans")
    assert incident is not None
    assert (incident.id, incident.alert, incident.policy_hash) == (second.incident, "drift-verdict", here.site.policy.hash)
    assert incident.facts["columns"].split(", ")[0] == "age"
    assert here.events().count("incident.opened") == 1


def test_judging_a_window_twice_says_the_same_once(here: MonitoredSite) -> None:
    for first in (0, 7):
        here.serve(first, change=older)
        monitor(here.site, here.at(first + 7))
    again = monitor(here.site)
    assert (again.opened, again.incident) == (False, here.site.ledger.incidents("loans")[0].id)
    assert here.events().count("drift.measured") == 2
    assert len(here.site.ledger.incidents()) == 1


def answered_by_another(table: pa.Table) -> pa.Table:
    return older(table).set_column(table.column_names.index("model_version"), "model_version", pa.array(["0"] * table.num_rows))


def test_a_window_from_before_the_release_says_why_it_opens_nothing(here: MonitoredSite) -> None:
    here.serve(0, change=answered_by_another)
    here.at(8)
    here.release("1", "0")
    seen = monitor(here.site, START + 7 * DAY)
    assert (seen.verdict.state, seen.opened) == (VerdictState.DRIFTED, False)
    assert seen.sentence.endswith("This window ended before the champion was released, so it opens no incident")


def test_rows_of_the_past_that_the_champion_answered_later_count(here: MonitoredSite) -> None:
    here.serve(0, change=older)
    here.serve(7, change=older)
    here.at(200)
    here.release("1", "0")
    assert [monitor(here.site, START + day * DAY).opened for day in (7, 14)] == [False, True]


def test_a_window_is_judged_anew_under_a_changed_policy_and_counts_once(here: MonitoredSite) -> None:
    here.serve(0, change=older)
    first = monitor(here.site, here.at(7))
    assert first.verdict.state is VerdictState.DRIFTED
    here.site.policy = policy(detect={"window": "7d", "minRows": 1_000_000})
    second = monitor(here.site, here.at(7))
    assert second.verdict.state is VerdictState.INSUFFICIENT
    assert (second.persistent.hits, second.persistent.of) == (0, second.persistent.of)
    assert [each.state for each in stored_verdicts(here.site, "1", here.at(7))] == [VerdictState.INSUFFICIENT]
    assert here.events().count("drift.measured") == 2


def test_a_quiet_week_in_between_does_not_hide_a_drift_that_comes_back(here: MonitoredSite) -> None:
    states = []
    for first, change in ((0, older), (7, lambda table: table), (14, older)):
        here.serve(first, change=change)
        states.append(monitor(here.site, here.at(first + 7)))
    assert [seen.opened for seen in states] == [False, False, True]


def test_a_missing_column_is_broken_data(here: MonitoredSite) -> None:
    here.serve(0, change=without_region)
    seen = monitor(here.site, here.at(7))
    assert seen.verdict.state is VerdictState.BROKEN
    assert [(p.kind, p.column) for p in seen.verdict.problems] == [(ProblemKind.MISSING_COLUMN, "region")]


def test_the_loss_is_judged_on_the_newest_window_whose_labels_have_matured(here: MonitoredSite) -> None:
    here.serve(0)
    here.serve(7, change=turned)
    seen = monitor(here.site, here.at(14))
    assert seen.labelled.window == Window(START + 5 * DAY, START + 12 * DAY)
    assert seen.labelled.maturity == 1.0
    assert seen.verdict.state is VerdictState.DEGRADED
    assert seen.verdict.performance is not None
    assert seen.verdict.performance.labels == pytest.approx(1500, abs=150)


def test_no_labels_are_no_news_about_the_loss(here: MonitoredSite) -> None:
    here.serve(0)
    here.serve(7, change=turned, late=60 * DAY)
    seen = monitor(here.site, here.at(14))
    assert (seen.verdict.state, seen.verdict.performance) == (VerdictState.QUIET, None)
    assert seen.labelled.maturity < 0.5


def test_what_the_canary_answered_is_left_out(here: MonitoredSite) -> None:
    here.serve(0)

    def canary(table: pa.Table) -> pa.Table:
        return older(table).set_column(table.column_names.index("served_by"), "served_by", pa.array(["canary"] * table.num_rows))

    here.serve(1, days=5, change=canary)
    seen = monitor(here.site, here.at(7))
    assert (seen.verdict.state, seen.verdict.rows) == (VerdictState.QUIET, 1500)


def test_quarantined_spans_are_left_out(here: MonitoredSite) -> None:
    here.serve(0, days=3, change=older)
    here.serve(3, days=4)
    here.at(7)
    here.site.history.quarantine("loans", Window(START, START + 3 * DAY), reason="a test")
    seen = monitor(here.site)
    assert (seen.verdict.state, seen.verdict.rows) == (VerdictState.QUIET, 1500)


def test_an_acknowledged_shift_alarms_nobody_until_it_expires(here: MonitoredSite) -> None:
    for first in (0, 7, 14):
        here.serve(first, change=older)
    here.at(7)
    here.site.history.acknowledge("loans", model_version="1", columns=("age", "prediction"), reason="harmless", until=START + 15 * DAY)
    for day in (7, 14):
        seen = monitor(here.site, here.at(day))
        assert seen.verdict.state is VerdictState.QUIET
        assert "acknowledged" in seen.sentence
        assert next(s for s in seen.verdict.shifts if s.column == "age").shifted
    assert monitor(here.site, here.at(21)).verdict.state is VerdictState.DRIFTED


def test_windows_from_before_a_release_count_no_more(here: MonitoredSite) -> None:
    here.serve(0, change=older)
    here.serve(7, change=older)
    monitor(here.site, here.at(7))
    here.at(8)
    here.site.references.keep("2", here.site.references.table("1"))
    here.release("2", "1")
    seen = monitor(here.site, here.at(14))
    assert (seen.persistent.hits, seen.opened, seen.champion) == (1, False, "2")


def test_a_release_that_has_no_reference_is_held_against_the_last_one(here: MonitoredSite) -> None:
    here.serve(0)
    here.at(2)
    here.release("2", "1")
    seen = monitor(here.site, here.at(7))
    assert (seen.verdict.state, seen.champion, seen.verdict.model_version) == (VerdictState.QUIET, "2", "2")


def test_until_a_heal_has_settled_verdicts_are_recorded_and_open_nothing(here: MonitoredSite) -> None:
    for first in (0, 7, 14, 21):
        here.serve(first, change=older)
        here.at(first + 7)
        if first == 7:
            incident, _ = here.site.ledger.open_incident("loans", here.site.policy.hash, Window(START, START + 7 * DAY), "t", {})
            here.release("1", "0")
            here.site.ledger.close(incident, Closing(Outcome.HEALED, here.clock.at, "done"))
    seen = monitor(here.site, here.at(15))
    again = monitor(here.site, here.at(21))
    assert (seen.opened, again.opened, again.persistent.holds) == (False, False, True)
    assert "no incident is opened before 2024-03-24T00:00Z" in again.sentence  # 14 days + 7 of window + 2 of label delay
    assert not monitor(here.site, here.at(24)).opened
    assert monitor(here.site, here.at(28)).opened


def test_broken_data_does_not_wait_until_a_heal_has_settled(here: MonitoredSite) -> None:
    incident, _ = here.site.ledger.open_incident("loans", here.site.policy.hash, Window(START - 7 * DAY, START), "t", {})
    here.site.ledger.close(incident, Closing(Outcome.HEALED, START, "done"))
    here.serve(0, change=without_region)
    seen = [monitor(here.site, here.at(day)) for day in (5, 7)]
    assert [each.opened for each in seen] == [False, True]


def test_the_owner_is_told_once_that_nothing_can_be_seen(here: MonitoredSite) -> None:
    seen = [monitor(here.site, here.at(day)) for day in (7, 14, 21, 28)]
    alarms = [each.value for result in seen for each in monitor_samples(here.site, result) if each.metric is BLIND]
    assert alarms == [0.0, 1.0, 1.0, 1.0]
    assert [(note.event, note.to) for note in here.told.notifications] == [("monitor.blind", "risk")]


def test_an_empty_window_says_where_requests_were_looked_for(here: MonitoredSite) -> None:
    looked = "looked below `memory/inference-log/loans`"
    assert monitor(here.site, here.at(7)).sentence == f"no requests of loans are logged from 1 to 8 March 2024: {looked}, 0 files"
    here.serve(7)
    later = monitor(here.site, here.at(21))
    assert later.verdict.state is VerdictState.INSUFFICIENT
    assert later.sentence.endswith(
        "from 15 to 22 March 2024: looked below `memory/inference-log/loans`, 7 files, of which none is of these days; "
        "the newest is of 2024-03-14, which `--end 2024-03-15` looks at"
    )
    assert monitor(here.site, START + 14 * DAY).verdict.state is VerdictState.QUIET


def test_rows_that_do_not_count_are_not_called_none(here: MonitoredSite) -> None:
    here.serve(0, change=lambda table: table.set_column(6, "served_by", pa.array(["canary"] * table.num_rows)))
    assert "the current window 0" in monitor(here.site, here.at(7)).sentence


def test_objects_of_other_names_are_said_with_their_number_once_a_look(here: MonitoredSite) -> None:
    here.serve(0)
    said: list[str] = []
    here.site.say = said.append
    monitor(here.site, here.at(7))
    assert not [each for each in said if "passed over" in each]
    strangers = ("inference-log/loans/2024-03-02/part-0.parquet", "inference-log/loans/2024/03/a.parquet", "labels/loans/march.csv")
    for key in strangers:
        here.site.store.create(key, b"rows")
    monitor(here.site, here.at(7.2))
    (sentence,) = [each for each in said if "passed over" in each]
    assert sentence.startswith(
        f"3 objects are passed over below the inference log's and the labels' prefixes, such as this: {strangers[0]};"
    )
    assert "`modelmedic log`" in sentence


def test_a_torn_object_of_the_log_blinds_nobody_and_is_told_once(here: MonitoredSite) -> None:
    here.serve(0)
    key = span_key("inference-log/loans", START + DAY, START + DAY, "torn", 1)
    here.site.store.create(key, b"PAR1 torn")
    seen = [monitor(here.site, here.at(day)) for day in (7, 7.2, 7.4)]
    assert [(each.verdict.state, each.verdict.unreadable) for each in seen] == [(VerdictState.QUIET, 1)] * 3
    assert [note.event for note in here.told.notifications] == ["log.unreadable"]
    assert key in here.told.notifications[0].description
    assert here.events().count("log.unreadable") == 1
    (sample,) = [each.value for each in monitor_samples(here.site, seen[-1]) if each.metric is UNREADABLE]
    assert sample == 1


def test_a_day_without_traffic_at_the_end_is_told_from_a_stopped_feed(here: MonitoredSite) -> None:
    here.serve(0, days=6, n=1300)
    assert monitor(here.site, here.at(7)).verdict.state is VerdictState.QUIET
    here.serve(7, days=3, n=700)
    seen = monitor(here.site, here.at(14))
    assert [problem.kind for problem in seen.verdict.problems] == [ProblemKind.TRUNCATED]


def test_nothing_to_compare_with_is_said(here: MonitoredSite) -> None:
    here.aliases.champion = None
    with pytest.raises(BadInput, match="no reference to compare with"):
        monitor(here.site, here.at(7))


def test_thresholds_and_profile_are_made_once_per_version(here: MonitoredSite) -> None:
    for first in (0, 7):
        here.serve(first)
        monitor(here.site, here.at(first + 7))
    kept = [key.rpartition("/")[2].partition("-")[0] for key in here.site.store.list("reference/")]
    assert sorted(kept) == ["profile", "thresholds", "window.parquet"]
    assert here.events().count("thresholds.calibrated") == 1


def test_windows_that_share_nearly_all_their_rows_count_once(here: MonitoredSite) -> None:
    here.serve(0, change=older)
    here.serve(7, change=older)
    hourly = [monitor(here.site, here.at(7 + hour / 24)) for hour in range(5)]
    assert not any(seen.opened for seen in hourly)
    assert monitor(here.site, here.at(9)).opened


def test_explicit_effects_win(tmp_path: Path) -> None:
    here = monitored_site(tmp_path, policy(detect={"effects": {"age": 2.0}}))
    here.serve(0, change=older)
    seen = monitor(here.site, here.at(7))
    assert seen.verdict.state is VerdictState.QUIET
    assert next(s for s in seen.verdict.shifts if s.column == "age").threshold == 2.0


def test_any_kind_of_drifted_schema_ends_in_a_verdict(here: MonitoredSite) -> None:
    def text(table: pa.Table) -> pa.Table:
        return table.set_column(1, "income", pa.array([f"{x:.2f} EUR" for x in table["income"].to_pylist()]))

    here.serve(0, days=2, n=400)
    here.serve(2, days=5, n=1000, change=text)
    seen = monitor(here.site, here.at(7))
    assert [(p.kind, p.column) for p in seen.verdict.problems] == [(ProblemKind.TYPE_CHANGED, "income")]
    np.testing.assert_allclose(seen.verdict.rows, 1400)
    assert seen.verdict.measured_at == START + 7 * DAY
    assert timedelta(days=7) == seen.verdict.window.length  # type: ignore[union-attr]
