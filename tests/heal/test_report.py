"""The report stage: Evidently's page in the store, and a stage that succeeds whatever Evidently
makes of the data.
"""

import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from modelmedic.steps.adapters.evidently.painter import Painter
from modelmedic.steps.adapters.evidently.report import drift_page
from modelmedic.steps.contracts.errors import BadInput, ModelmedicError
from modelmedic.steps.contracts.keys import verdict_key
from modelmedic.steps.contracts.results import ReportResult
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.detection.monitor import monitor
from modelmedic.steps.heal.report import begin, report
from modelmedic.steps.records.documents import put
from modelmedic.steps.runtime.run import Run
from tests.data.log import DAY, START
from tests.detection.test_monitor import older, without_region
from tests.worlds.detection import Change, MonitoredSite, monitored_site
from tests.worlds.results import diagnosed


def opened(here: MonitoredSite) -> Run:
    here.at(7)
    incident, _ = here.site.ledger.open_incident("loans", here.site.policy.hash, Window(START, START + 7 * DAY), "test", {})
    return Run(here.site, incident)


def infinite(table: pa.Table) -> pa.Table:
    return table.set_column(1, "income", pa.array([float("inf")] * table.num_rows))


@pytest.mark.parametrize("change", [older, without_region, infinite], ids=["drift", "missing column", "infinite"])
def test_the_page_is_in_the_store(tmp_path: Path, change: Change) -> None:
    here = monitored_site(tmp_path)
    here.serve(0, n=400, change=change)
    run = opened(here)
    assert report(run) == {"written": "yes"}
    (page,) = run.site.ledger.stage(run.incident, "report")["pages"]  # type: ignore[index]
    html = here.site.store.get(page).data
    assert page.endswith("/000001/evidently.html")
    assert b"age" in html
    assert b"<html" in html


def test_its_verdict_on_each_column_is_kept_beside_the_page(tmp_path: Path) -> None:
    here = monitored_site(tmp_path)
    here.serve(0, change=older)
    run = opened(here)
    report(run)
    kept = run.result(ReportResult)
    assert {each.column: each.drifted for each in kept.columns}["age"]
    assert {each.method for each in kept.columns} == {"wasserstein", "jensenshannon"}
    assert kept.differs == (), "there is no verdict of a monitor to differ from"


def test_it_agrees_with_the_monitor_on_a_column_that_moved(tmp_path: Path) -> None:
    here = monitored_site(tmp_path)
    here.serve(0, change=older)
    run = opened(here)
    monitor(here.site, here.at(7))
    run.record(diagnosed(champion="1"))
    report(run)
    said = run.result(ReportResult)
    assert any(each.column == "age" and each.drifted for each in said.columns)
    assert [sentence for sentence in said.differs if "age" in sentence] == []


def test_where_it_disagrees_with_the_monitor_is_recorded(tmp_path: Path) -> None:
    here = monitored_site(tmp_path)
    here.serve(0, change=older)
    run = opened(here)
    verdict = monitor(here.site, here.at(7)).verdict
    overlooked = replace(verdict, shifts=tuple(replace(shift, shifted=False) for shift in verdict.shifts))
    put(here.site.store, verdict_key("loans", "1", START + 7 * DAY, here.site.policy.hash), overlooked)
    run.record(diagnosed(champion="1"))
    report(run)
    assert "Evidently says that age drifted (wasserstein" in " ".join(run.result(ReportResult).differs)
    (noted,) = [record for record in here.site.trail.records() if record.event == "evidently.written"]
    assert noted.facts["differs"] == list(run.result(ReportResult).differs)


def test_what_evidently_cannot_draw_is_a_note_and_no_failure(tmp_path: Path) -> None:
    here = monitored_site(tmp_path)
    run = opened(here)
    assert report(run) == {"written": "no"}
    assert "evidently.failed" in here.events()


def test_running_it_twice_changes_nothing(tmp_path: Path) -> None:
    here = monitored_site(tmp_path)
    here.serve(0, n=200)
    run = opened(here)
    assert report(run) == report(run) == {"written": "yes"}
    assert here.events().count("evidently.written") == 1


def test_a_page_that_was_begun_beside_other_stages_is_taken_up_in_its_turn(tmp_path: Path) -> None:
    here = monitored_site(tmp_path)
    here.serve(0, n=200)
    run = opened(here)
    begin(run)
    assert run.site.ledger.stage(run.incident, "report") is None
    assert "evidently.written" not in here.events()
    assert report(run) == {"written": "yes"}
    assert run.drawing is not None
    (page,) = run.site.ledger.stage(run.incident, "report")["pages"]  # type: ignore[index]
    assert here.site.store.get(page).data == run.drawing[1].result().html.encode()


def test_what_cannot_be_begun_is_said_by_the_stage(tmp_path: Path) -> None:
    here = monitored_site(tmp_path)
    run = opened(here)
    begin(run)
    assert report(run) == {"written": "no"}
    assert "evidently.failed" in here.events()


def test_a_page_that_fails_beside_others_leaves_the_next_one_unharmed() -> None:
    rows = pa.table({"age": [float(n % 7) for n in range(200)]})
    painter = Painter()
    lost = painter.draw(rows, rows, numeric=["height"], categorical=[])
    page = painter.draw(rows, rows, numeric=["age"], categorical=[])
    with pytest.raises(ModelmedicError, match="height"):
        lost.result()
    assert "<html" in page.result().html


def test_a_page_without_evidently_installed_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evidently", None)
    rows = pa.table({"age": [1.0, 2.0]})
    with pytest.raises(BadInput, match=r"the package evidently is not installed here; expected `pip install 'modelmedic\[report\]'`"):
        drift_page(rows, rows, numeric=["age"], categorical=[])
