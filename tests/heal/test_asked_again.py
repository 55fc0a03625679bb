"""The diagnose stage asks the champion again about rows that it answered, where that may change the
remedy.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.errors import NotFound
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.core.tables.arrays import Floats
from modelmedic.steps.heal.asked_again import asked_again
from modelmedic.steps.runtime.run import Run
from tests.data.log import DAY, START, rows
from tests.worlds.detection import monitored_site

DRIFT = Diagnosis(Cause.CONCEPT_DRIFT, 0.9, ("age",), harm="shown", sentence="labels behave differently")
PAST, WINDOW = rows(800, seed=1, start=START - 28 * DAY, span=28 * DAY), rows(1500, seed=2)


def turned(table: pa.Table) -> pa.Table:
    return table.set_column(table.column_names.index("prediction"), "prediction", pa.array(1 - table["prediction"].to_numpy()))


class Champion:
    """Answers as the log's model did; counts the rows that it was asked about."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.gone = False

    def __call__(self, version: str, table: pa.Table) -> Floats:
        if self.gone:
            raise NotFound(f"version {version} is gone")
        self.asked.append(table.num_rows)
        return np.asarray(1 / (1 + np.exp(-(table["income"].to_numpy() + 0.05 * (table["age"].to_numpy() - 50) - 0.5))))


@pytest.fixture
def champion() -> Champion:
    return Champion()


@pytest.fixture
def run(tmp_path: Path, champion: Champion) -> Run:
    site = monitored_site(tmp_path).site
    site.ask = champion
    incident, _ = site.ledger.open_incident("loans", "h", Window(START, START + 7 * DAY), "test", {})
    return Run(site, incident)


def test_something_else_answers_under_the_champions_name(run: Run, champion: Champion) -> None:
    found = asked_again(run, DRIFT, "1", turned(WINDOW), PAST)
    assert (found.cause, found.version, found.instead) == (Cause.BAD_RELEASE, "1", "1")
    assert champion.asked == [200, 1500]


def test_without_earlier_answers_those_of_the_window_that_agree_are_the_witness(run: Run, champion: Champion) -> None:
    half = pa.concat_tables([WINDOW.slice(0, 750), turned(WINDOW.slice(750))])
    assert asked_again(run, DRIFT, "1", half, PAST.slice(0, 0)).cause is Cause.BAD_RELEASE
    assert champion.asked == [1500]


def test_the_champion_that_answers_as_ever_leaves_the_cause(run: Run) -> None:
    assert asked_again(run, DRIFT, "1", WINDOW, PAST) is DRIFT


def test_rows_of_another_version_are_not_asked_about(run: Run, champion: Champion) -> None:
    assert asked_again(run, DRIFT, "2", turned(WINDOW), PAST) is DRIFT
    assert champion.asked == []


def test_nothing_is_asked_where_no_answer_would_change_the_remedy(run: Run, champion: Champion) -> None:
    quiet = Diagnosis(Cause.NONE, 0.9)
    assert asked_again(run, quiet, "1", turned(WINDOW), PAST) is quiet
    assert champion.asked == []


def test_a_champion_that_cannot_be_asked_leaves_the_cause(run: Run, champion: Champion) -> None:
    champion.gone = True
    assert asked_again(run, DRIFT, "1", turned(WINDOW), PAST) is DRIFT


def test_a_log_whose_past_does_not_come_out_either_says_nothing(run: Run) -> None:
    assert asked_again(run, DRIFT, "1", turned(WINDOW), turned(PAST)) is DRIFT
