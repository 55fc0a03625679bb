"""Without a predictor that knows that it is a canary, the releases tell which rows are the
champion's.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.data.backfill import write_labels, write_log
from modelmedic.steps.detection.calibration import reference_profile
from modelmedic.steps.detection.profiles import current_profile, labelled_profile
from tests.data.log import DAY, START, labels, rows
from tests.worlds.detection import MonitoredSite, monitored_site

WEEK = Window(START, START + 7 * DAY)
TURN = START + 3 * DAY  # when version 2 is promoted


def told(table: pa.Table, version: str, role: str | None) -> pa.Table:
    said = {"model_version": version, "served_by": role}
    for name, value in said.items():
        table = table.set_column(table.column_names.index(name), name, pa.array([value] * table.num_rows, pa.string()))
    return table


def both(here: MonitoredSite, role: str | None = "unknown") -> pa.Table:
    """A thousand rows of each version, over the whole week."""
    answered = pa.concat_tables([told(rows(1000, seed=seed), version, role) for seed, version in ((1, "1"), (2, "2"))])
    write_log(here.site.store, here.site.policy, answered.drop_columns(["defaulted"]))
    write_labels(here.site.store, here.site.policy, labels(answered))
    here.at(11)
    return answered


def counted(here: MonitoredSite) -> int:
    return current_profile(here.site, reference_profile(here.site).profile.layout, WEEK).rows


def released(*records: Release) -> Callable[[MonitoredSite], None]:
    def record(here: MonitoredSite) -> None:
        for each in records:
            here.site.history.record_release("loans", each)

    return record


def later(answered: pa.Table) -> int:
    mask = pc.and_(pc.equal(answered["model_version"], "2"), pc.greater_equal(answered["asked_at"], pa.scalar(TURN)))
    return int(np.sum(mask.to_numpy()))


FIRST = Release(START - 30 * DAY, "1", None)


def test_a_version_is_a_canary_until_it_is_released(tmp_path: Path) -> None:
    here = monitored_site(tmp_path)
    answered = both(here)
    released(FIRST, Release(TURN, "2", "1"))(here)
    assert 0 < later(answered) < 1000
    assert counted(here) == 1000 + later(answered)


def test_a_canary_that_was_withdrawn_never_counts(tmp_path: Path) -> None:
    here = monitored_site(tmp_path)
    both(here)
    released(FIRST)(here)
    assert counted(here) == 1000


def test_labels_are_looked_at_for_the_same_rows(tmp_path: Path) -> None:
    here = monitored_site(tmp_path)
    both(here)
    released(FIRST)(here)
    delayed = Window(WEEK.start + 2 * DAY, WEEK.end + 2 * DAY)  # labels take two days
    assert labelled_profile(here.site, reference_profile(here.site).profile.layout, delayed).profile.rows == 1000


@pytest.mark.parametrize(
    "record",
    [
        released(),
        released(Release(START + 6 * DAY, "1", None, by="somebody else"), Release(START - DAY, "2", "1")),
        released(Release(START - DAY, "2", "1")),
    ],
    ids=["no release at all", "noticed late", "the champion was there before all records"],
)
def test_a_champion_that_we_did_not_bring_is_not_taken_for_a_canary(tmp_path: Path, record: Callable[[MonitoredSite], None]) -> None:
    here = monitored_site(tmp_path)
    both(here)
    record(here)
    assert counted(here) == 2000


@pytest.mark.parametrize("role", ["champion", None], ids=["told", "a log of before"])
def test_rows_that_say_who_answered_or_were_never_ours_are_believed(tmp_path: Path, role: str | None) -> None:
    here = monitored_site(tmp_path)
    both(here, role)
    released(FIRST)(here)
    assert counted(here) == 2000
