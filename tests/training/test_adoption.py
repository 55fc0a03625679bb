"""A champion that the registry has already and nobody here trained: taken over as it is, with what
is not known of it.
"""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from modelmedic.steps.bootstrap.adoption import adopt
from modelmedic.steps.bootstrap.serve import expect_no_other_champion
from modelmedic.steps.contracts.errors import BadInput, NotFound, Refused
from modelmedic.steps.contracts.serving import Served
from modelmedic.steps.data.backfill import write_labels, write_log
from modelmedic.steps.data.windows import LoggedWindows
from modelmedic.steps.detection.monitor import monitor
from modelmedic.steps.runtime.run import Site
from tests.worlds.training import NOW, START, policy, rows, site

RULES = policy()
LOG = rows(START, NOW - timedelta(days=2), RULES)


@pytest.fixture
def at(tmp_path: Path) -> Site:
    """Version 1 is somebody's and the alias's, and its answers are logged; its files are no
    model.
    """
    here = site(tmp_path, RULES, LOG)
    write_log(here.store, RULES, LOG.drop_columns(["left"]))
    write_labels(here.store, RULES, LOG.select(["request_id", "left"]).append_column("labelled_at", pc.add(LOG["at"], timedelta(days=1))))
    here.windows = LoggedWindows(here.store, RULES, here.clock)
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "MLmodel").write_text("flavors: {}\n")
    here.registry.move_alias("champion", here.registry.register(folder, key="theirs", tags={}, metrics={}).version, expected=None)
    here.ask = lambda _, table: np.full(table.num_rows, 0.5)
    return here


def test_the_deadlock_of_a_registry_that_has_a_champion_ends(at: Site) -> None:
    with pytest.raises(BadInput, match="`modelmedic adopt` takes over one that is there already"):
        monitor(at)
    with pytest.raises(Refused, match="`modelmedic adopt` takes it over as it is"):
        expect_no_other_champion(at, None)
    before = (at.registry.versions(), at.serving.state())
    adopted = adopt(at)
    assert (at.registry.versions(), at.serving.state()) == before
    assert (adopted.version, adopted.source) == ("1", "the first labelled rows of its log")
    seen = monitor(at)
    assert (seen.champion, seen.verdict.reference_rows) == ("1", adopted.rows)


def test_its_reference_is_its_first_four_windows_and_it_serves_since_its_first_row(at: Site) -> None:
    first = pc.min(LOG["at"]).as_py()
    adopted = adopt(at)
    kept = at.references.table("1")
    assert (pc.min(kept["at"]).as_py(), kept.num_rows) == (first, adopted.rows)
    assert pc.max(kept["at"]).as_py() < first + 4 * RULES.detect.window
    assert [(each.at, each.version, each.by) for each in at.history.releases("churn")] == [(first, "1", "adoption")]
    assert "champion.adopted" in [record.event for record in at.trail.latest(START)]


def test_what_is_not_known_is_said(at: Site) -> None:
    told = " ".join(adopt(at).unknown)
    for part in (
        "Until when version 1 learnt",
        "was right in the first rows of its log",
        "nothing of ours does",
        "answer 200 of 200 logged rows",
    ):
        assert part in told, part


def test_adopting_twice_changes_nothing_more(at: Site) -> None:
    adopt(at)
    before = list(at.store.list(""))
    assert adopt(at).source == "the reference that is kept for it"
    assert list(at.store.list("")) == before


def test_a_dry_run_writes_nothing_and_asks_no_model(at: Site) -> None:
    before = list(at.store.list(""))
    at.ask = None
    assert adopt(at, dry_run=True).source == "the first labelled rows of its log"
    assert adopt(at, table=LOG, dry_run=True).rows == LOG.num_rows
    assert list(at.store.list("")) == before


def test_rows_that_a_person_brings_are_answered_by_the_version_and_teach_the_next_one(at: Site) -> None:
    adopted = adopt(at, table=rows(START - timedelta(days=30), START, RULES))
    assert adopted.source == "the given rows"
    assert set(at.references.table("1")["prediction"].to_pylist()) == {0.5}
    assert any(key.endswith("first/taught.json") for key in at.store.list("reference/"))


def test_too_few_rows_are_named_with_the_ways_to_more(at: Site) -> None:
    at.registry.move_alias("champion", at.registry.add_by_hand({}), expected="1")  # type: ignore[attr-defined]
    with pytest.raises(BadInput, match="0 labelled rows are logged that version 2 answered; expected 500"):
        adopt(at)
    with pytest.raises(BadInput, match="the given table has 10 labelled rows"):
        adopt(at, table=LOG.slice(0, 10))
    with pytest.raises(NotFound):
        at.references.table("2")


def test_a_lost_alias_is_set_where_the_version_is_named(at: Site) -> None:
    at.registry._aliases.clear()  # type: ignore[attr-defined]
    with pytest.raises(BadInput, match="names no version"):
        adopt(at)
    assert adopt(at, "1").version == "1"
    assert at.registry.alias("champion") == "1"
    with pytest.raises(Refused, match="is at version 1, not 2"):
        adopt(at, "2")


def test_another_version_than_serves_is_refused(at: Site) -> None:
    at.serving.champion = Served("9", "d", "models/d", "http://127.0.0.1:1")  # type: ignore[attr-defined]
    with pytest.raises(Refused, match="version 9 of churn serves, and version 1 is to be adopted"):
        adopt(at)


def test_rows_without_a_label_are_no_reference(at: Site) -> None:
    blank = LOG.set_column(LOG.column_names.index("left"), "left", pa.nulls(LOG.num_rows, pa.float64()))
    with pytest.raises(BadInput, match="the given table has 0 labelled rows"):
        adopt(at, table=blank)
