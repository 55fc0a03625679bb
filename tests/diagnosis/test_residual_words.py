"""The sentence on changed residuals: by how much, which way, and where."""

import numpy as np

from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.diagnosis.residual_words import residual_sentence
from modelmedic.steps.core.statistics.residuals import LabelledRows
from modelmedic.steps.core.tables.pairing import Column

ROWS = 24 * 50
HOURS = np.tile(np.arange(24.0), 50)
NOTHING = np.zeros(ROWS)
ALL = np.ones(ROWS, dtype=bool)


def _rows(change: np.ndarray) -> LabelledRows:
    same = (NOTHING, NOTHING)
    return LabelledRows(Task.REGRESSION, (ALL, ALL), same, (NOTHING, change), (NOTHING, change), same)


def test_labels_above_predictions_name_their_number_and_their_hours() -> None:
    rush = np.isin(HOURS, (7, 8, 9, 17, 18, 19))
    said = residual_sentence(Column("hour", True, HOURS, HOURS), _rows(np.where(rush, 2.0, 0.01)))
    assert said.startswith("labels are 609 above predictions in sum, most where hour is ")
    assert "from 7 to 9 and 17" in said or "from 7 to 9 and from 17 to" in said


def test_a_turned_law_names_both_sides() -> None:
    values = np.tile(np.linspace(0, 1, 100), 12)
    said = residual_sentence(Column("size", True, values, values), _rows(np.where(values > 0.5, -1.0, 1.0)))
    assert "labels are 600 above predictions in sum, most where size is below " in said
    assert ", and 600 below, most where it is " in said


def test_codes_are_named_by_themselves() -> None:
    codes = np.arange(ROWS) % 3
    column = Column("plan", False, codes, codes, ("free", "plus", "pro"))
    said = residual_sentence(column, _rows(np.where(codes == 2, -0.3, 0.0)))
    assert said == "labels are 120 below predictions in sum, most where plan is pro"


def test_a_cell_with_few_rows_says_nothing() -> None:
    codes = np.where(np.arange(ROWS) < 5, 1, 0)
    column = Column("plan", False, codes, codes, ("free", "pro"))
    assert "pro" not in residual_sentence(column, _rows(np.where(codes == 1, 9.0, 0.1)))
