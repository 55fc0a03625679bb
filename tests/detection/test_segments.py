"""Segments: what differs in one of them is seen where the whole window looks as ever, and they
raise no more false alarms than the columns do.
"""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelmedic.steps.contracts.detection import Roles, Segment, Thresholds, Verdict
from modelmedic.steps.contracts.words import Task, VerdictState
from modelmedic.steps.core.detection.thresholds import calibrate
from modelmedic.steps.core.detection.verdict import judge_profiles
from modelmedic.steps.core.profiles.document import from_document, to_document
from modelmedic.steps.core.profiles.layout_choice import choose_layout
from modelmedic.steps.core.profiles.profile import merge
from modelmedic.steps.core.profiles.profiler import profile_table
from modelmedic.steps.detection.monitor import monitor
from modelmedic.steps.detection.two_files import detect_files
from tests.data.log import START, policy, rows
from tests.worlds.detection import MonitoredSite, monitored_site

ROLES = Roles(task=Task.REGRESSION, target="y", prediction="p", segments=("region",))
NORTH = Segment("region", "north")


def table(n: int, seed: int, *, shift: float = 0.0, error: float = 1.0) -> pa.Table:
    """One row of twenty is of the north, where `income` is shifted and the answers err so much."""
    random = np.random.default_rng(seed)
    region = random.choice(["north", "south", "west"], n, p=[0.05, 0.5, 0.45])
    north = region == "north"
    income, answer = random.normal(size=n) + shift * north, random.normal(size=n)
    truth = answer + np.where(north, error, 1.0) * random.normal(size=n)
    shop, age = random.integers(0, 12, n).astype("U2"), random.gamma(3.0, 9.0, n)
    return pa.table({"region": region, "shop": shop, "income": income, "age": age, "p": answer, "y": truth})


def judged(before: pa.Table, after: pa.Table, roles: Roles = ROLES, thresholds: Thresholds | None = None) -> Verdict:
    layout = choose_layout(before, roles)
    return judge_profiles(profile_table(layout, before), profile_table(layout, after), thresholds or Thresholds())


@pytest.mark.parametrize("rows_of_a_file", [20_000, 150_000])
def test_half_a_deviation_in_one_row_of_twenty_is_seen_in_files_of_any_size(tmp_path: Path, rows_of_a_file: int) -> None:
    for name, seed, shift in (("reference", 1, 0.0), ("current", 2, 0.5)):
        pq.write_table(table(rows_of_a_file, seed, shift=shift), tmp_path / f"{name}.parquet", row_group_size=60_000)
    files = tmp_path / "reference.parquet", tmp_path / "current.parquet"
    seen = detect_files(*files, ROLES)
    assert [(part.segment, [shift.column for shift in part.shifts]) for part in seen.segments] == [(NORTH, ["income"])]
    assert (seen.state, seen.sentence[:46]) == (VerdictState.DRIFTED, "where region is north, income drifted; over al")
    assert detect_files(*files, replace(ROLES, segments=())).state is VerdictState.QUIET


def test_segments_cost_no_import_of_pandas(tmp_path: Path) -> None:
    pq.write_table(table(9000, 1), tmp_path / "rows.parquet")
    code = (
        "import sys\nfrom pathlib import Path\nfrom modelmedic.steps.contracts.detection import Roles\n"
        "from modelmedic.steps.detection.two_files import detect_files\n"
        "path = Path(sys.argv[1])\ndetect_files(path, path, Roles(segments=('region',)))\nsys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "rows.parquet")], check=False).returncode == 0


def test_a_loss_that_rose_in_a_segment_alone_is_seen() -> None:
    seen = judged(table(8000, 1), table(8000, 2, error=1.35))
    assert seen.state is VerdictState.DEGRADED
    assert seen.sentence.startswith("where region is north, mean squared_error rose from")
    assert not seen.performance or not seen.performance.degraded


def test_a_column_that_drifted_everywhere_is_told_once() -> None:
    after = table(8000, 2)
    moved = after.set_column(2, "income", pa.array(after["income"].to_numpy() + 1.0))
    seen = judged(table(8000, 1), moved)
    assert (seen.state, seen.segments) == (VerdictState.DRIFTED, ())


def test_quiet_segments_alarm_as_seldom_as_stated() -> None:
    """Sixty pairs at 10 % of false alarms or less; with all of the rate for each column of each
    segment fifty of them alarm.
    """
    before = table(2000, 999)
    layout = choose_layout(before, replace(ROLES, target=None, prediction=None, task=None, segments=("region", "shop", "age")))
    reference = profile_table(layout, before)
    assert len(layout.segments) == 19
    alone = Thresholds(alpha=0.1, default_effect=1e-9)  # the p-value alone decides
    alarms = sum(judge_profiles(reference, profile_table(layout, table(2000, seed)), alone).alarming for seed in range(60))
    assert alarms <= 12


@pytest.mark.parametrize(
    ("values", "segments"),
    [
        (lambda n: np.arange(n) % 3, ["0", "1", "2"]),
        (lambda n: np.arange(n) / (n - 1), ["[-inf, 0.25)", "[0.25, 0.5)", "[0.5, 0.75)", "[0.75, inf)"]),
        (lambda n: np.ones(n), []),
        (lambda n: np.array(["a", "b", "rare"])[np.where(np.arange(n) < 9, 2, np.arange(n) % 2)], ["a", "b"]),
    ],
)
def test_segments_are_common_values_or_quarters(values: Callable[[int], np.ndarray], segments: list[str]) -> None:
    given = pa.table({"by": values(2000), "x": np.zeros(2000)})
    layout = choose_layout(given, Roles(segments=("by",)))
    assert [segment.value for segment in layout.segments] == segments
    counted = profile_table(layout, given).segments
    assert sum(part.rows for part in counted) == (1991 if "b" in segments else 2000 * bool(segments))


def test_rows_that_come_in_turns_are_thinned_alike() -> None:
    """Every eighth row would always be of the same region."""
    n = 65_536
    given = pa.table({"region": np.array(["a", "b", "c", "d"])[np.arange(n) % 4], "x": np.zeros(n)})
    counts = [part.rows for part in profile_table(choose_layout(given, Roles(segments=("region",))), given).segments]
    assert 7500 < sum(counts) < 9000
    assert max(counts) < 1.02 * min(counts)


def test_segments_merge_and_are_kept_with_their_profile() -> None:
    whole = table(3000, 1)
    layout = choose_layout(whole, ROLES)
    pieces = reduce(merge, [profile_table(layout, whole.slice(a, 1000)) for a in (2000, 0, 1000)])
    assert to_document(pieces) == to_document(profile_table(layout, whole))
    assert to_document(from_document(to_document(pieces))) == to_document(pieces)
    assert len(pieces.segments) == 3


def test_a_segment_depends_on_its_past_at_least_as_much_as_the_whole() -> None:
    """Days of one level each: of a segment, few rows of each day are known."""
    random, given = np.random.default_rng(3), table(6000, 1)
    days = np.repeat(random.normal(size=60), 100)
    given = given.set_column(2, "income", pa.array(given["income"].to_numpy() + days))
    made = calibrate(given, choose_layout(given, ROLES), 1000, alpha=0.005, explicit={}, version="1")
    assert made.design["income"] > 5
    assert [part.design["income"] >= made.design["income"] for part in made.segments] == [True] * 3


def test_the_monitor_names_the_segment_and_the_column(tmp_path: Path) -> None:
    here: MonitoredSite = monitored_site(tmp_path, policy(), reference=rows(6000, seed=99))

    def younger(given: pa.Table) -> pa.Table:
        west = np.asarray(given["region"].to_pylist()) == "west"
        ages = given["age"].to_numpy() + np.where(west, 6.0, 0.0) - np.where(west, 0.0, 1.5)
        return given.set_column(2, "age", pa.array(ages))

    here.serve(0, change=younger)
    seen = monitor(here.site, here.at(7)).verdict
    assert (seen.state, seen.sentence[:33]) == (VerdictState.DRIFTED, "where region is west, age drifted")
    record = next(each for each in here.site.trail.latest(START) if each.event == "drift.measured")
    assert "region west" in record.facts["segments"]
