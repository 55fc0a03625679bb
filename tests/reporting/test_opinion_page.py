"""An opinion on two files is a page of the same kind, and writing it harms no file."""

import itertools
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from modelmedic.steps.contracts.detection import Roles
from modelmedic.steps.contracts.diagnosis import Context
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.detection.two_files import detect_files, diagnose_files
from modelmedic.steps.reporting.opinion_file import SAMPLE, sampled, write_opinion
from tests.reporting import flights
from tests.reporting.page import Seen, harmless

ROLES = Roles(target="delayed", prediction="prediction", time="time_hour")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A Parquet reference and a CSV window with a unit changed and a column half empty."""
    reference, current = tmp_path / "reference.parquet", tmp_path / "current.csv"
    pq.write_table(flights.table(3000, 1, datetime(2013, 1, 1, tzinfo=UTC), 59), reference)
    pyarrow.csv.write_csv(flights.table(2000, 2, datetime(2013, 6, 3, tzinfo=UTC), 7, fault="broken"), current)
    return reference, current


def test_verdict_page_shows_every_column_and_what_is_broken(files: tuple[Path, Path], tmp_path: Path) -> None:
    verdict = detect_files(*files, ROLES)
    page = tmp_path / "page.html"
    write_opinion(page, *files, ROLES, verdict=verdict)
    seen = Seen(page.read_text())
    harmless(seen)
    assert "The data itself is broken." in seen.words
    assert all(problem.detail in seen.words for problem in verdict.problems)
    assert all(f"{shift.column} " in seen.words for shift in verdict.shifts)


def test_diagnosis_page_has_cause_remedy_and_pictures(files: tuple[Path, Path], tmp_path: Path) -> None:
    diagnosis, decision = diagnose_files(*files, ROLES, Context())
    page = tmp_path / "page.html"
    write_opinion(page, *files, ROLES, diagnosis=diagnosis, decision=decision)
    seen = Seen(page.read_text())
    harmless(seen)
    for said in ("data quality", "quarantine", diagnosis.sentence, "Log loss by carrier", "named as cause"):
        assert said in seen.words
    assert "autonomy" not in seen.words  # two files have no policy


def test_neither_of_the_two_files_is_written_over(files: tuple[Path, Path]) -> None:
    before = files[1].read_bytes()
    with pytest.raises(BadInput, match="one of the two files"):
        write_opinion(files[1], *files, ROLES)
    assert files[1].read_bytes() == before


def test_a_page_that_cannot_be_written_is_said(files: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be written"):
        write_opinion(tmp_path / "nowhere" / "page.html", *files, ROLES)


def test_a_large_file_is_sampled_evenly(tmp_path: Path) -> None:
    path = tmp_path / "many.parquet"
    rows = 150_001
    pq.write_table(pa.table({"n": pa.array(range(rows))}), path, row_group_size=7_777)
    numbers = sampled(path)["n"].to_pylist()
    assert SAMPLE / 2 < len(numbers) <= SAMPLE
    assert {b - a for a, b in itertools.pairwise(numbers)} == {8}
    assert numbers[0] == 0
