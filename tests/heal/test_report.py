"""The report stage: Evidently's page in the store, and a stage that succeeds whatever Evidently
makes of the data.
"""

import sys
from pathlib import Path

import pyarrow as pa
import pytest

from modelmedic.steps.adapters.evidently.painter import Painter
from modelmedic.steps.adapters.evidently.report import drift_page
from modelmedic.steps.contracts.errors import BadInput, ModelmedicError
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.heal.report import begin, report
from modelmedic.steps.runtime.run import Run
from tests.data.log import DAY, START
from tests.detection.test_monitor import older, without_region
from tests.worlds.detection import Change, MonitoredSite, monitored_site


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
    assert here.site.store.get(page).data == run.drawing[1].result().encode()


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
    assert "<html" in page.result()


def test_a_page_without_evidently_installed_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evidently", None)
    rows = pa.table({"age": [1.0, 2.0]})
    with pytest.raises(BadInput, match=r"the package evidently is not installed here; expected `pip install 'modelmedic\[report\]'`"):
        drift_page(rows, rows, numeric=["age"], categorical=[])
