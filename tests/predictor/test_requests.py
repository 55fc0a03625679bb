"""A request is answered, or refused in one sentence that names the column; what reaches the log is
what was asked.
"""

from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmedic.steps.adapters.models.folder import ModelInput
from modelmedic.steps.adapters.models.loader import LoadedModel
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.predictor.columns import Columns
from modelmedic.steps.predictor.inference import ServedModel
from modelmedic.steps.predictor.request import PredictionRequest, Tensor, from_instances, from_tensors

COLUMNS = Columns("at", ("x", "n"), ("c",))
INPUTS = (ModelInput("x", "double"), ModelInput("n", "long"), ModelInput("c", "string"), ModelInput("extra", "double", required=False))


def _model(ask: Any, example: pa.Table | None = None, inputs: tuple[ModelInput, ...] = INPUTS) -> LoadedModel:
    return LoadedModel(ask, inputs, example, "made", False)


def _sum(frame: Any) -> np.ndarray:
    return np.asarray(frame["x"].fillna(0) + frame["n"].fillna(0) + frame["c"].map(lambda c: 0 if c is None else len(c)), dtype=float)


def _answering(**options: Any) -> ServedModel:
    return ServedModel(_model(_sum), COLUMNS, **options)


def _tensors(**columns: list[Any]) -> PredictionRequest:
    kinds = {name: "BYTES" if any(isinstance(v, str) for v in values) else "FP64" for name, values in columns.items()}
    return from_tensors("r", [Tensor(name, kinds[name], [len(values)], values) for name, values in columns.items()])


def test_rows_are_answered_in_their_order_whatever_the_order_of_the_columns() -> None:
    asked = _tensors(c=["a", "bbb"], n=[1, 2], x=[0.5, 0.25])
    assert _answering().answer(asked).tolist() == [2.5, 5.25]


def test_instances_by_name_and_by_position_are_the_same_request() -> None:
    answering = _answering()
    named = from_instances("r", [{"x": 0.5, "n": 1, "c": "a", "extra": 0}, {"x": 1, "n": 2, "c": None}], answering.names)
    placed = from_instances("r", [[0.5, 1, "a", 0], [1, 2, None, None]], answering.names)
    assert answering.answer(named).tolist() == answering.answer(placed).tolist() == [2.5, 3.0]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"x": ["a"], "n": [1], "c": ["a"]}, "column 'x' holds string values; expected numbers"),
        ({"x": [1, "a"], "n": [1, 2], "c": ["a", "b"]}, "column 'x' mixes kinds of values"),
        ({"x": [[1, 2]], "n": [1], "c": ["a"]}, "tensor 'x' is ragged"),
        ({"x": [1], "n": [1, 2], "c": ["a"]}, "tensor 'n' has 2 rows; expected 1"),
        ({"x": [2**70], "n": [1], "c": ["a"]}, "column 'x' mixes kinds"),
        ({"x": [1], "n": [1], "c": ["\ud800"]}, "column 'c'"),
        ({"x": [1], "n": [1], "c": [{"a": 1}]}, "column 'c' has lists or objects"),
        ({"stranger": [1]}, "column 'x' is missing; expected x, n, c"),
        ({"x": [], "n": [], "c": []}, "request has no rows"),
        ({}, "request has no rows"),
    ],
)
def test_what_is_wrong_is_named(columns: dict[str, list[Any]], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        _answering().answer(_tensors(**columns))


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (Tensor("x", "FP64", [3], [1.0]), "has 1 values; expected 3, as its shape says"),
        (Tensor("x", "FP64", [1, 2], [1.0, 2.0]), r"shape \[1, 2\]; expected one tensor per column"),
        (Tensor("x", "COMPLEX", [1], [1.0]), "datatype 'COMPLEX'"),
    ],
)
def test_a_tensor_has_to_be_a_column(tensor: Tensor, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        from_tensors("r", [tensor])


def test_a_column_is_sent_once_and_an_id_is_printable() -> None:
    with pytest.raises(BadInput, match="'x' is there twice"):
        from_tensors("r", [Tensor("x", "FP64", [1], [1.0])] * 2)
    for identity in ("", "a\nb", "x" * 201):
        with pytest.raises(BadInput, match="request id"):
            from_tensors(identity, [Tensor("x", "FP64", [1], [1.0])])
    assert from_tensors(None, [Tensor("x", "FP64", [1], [1.0])]).id


@given(
    st.lists(
        st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda v: st.lists(v, max_size=3)), max_size=4
    )
)
def test_any_json_in_a_column_is_answered_or_refused_and_never_a_bug(values: list[Any]) -> None:
    with suppress(BadInput):
        _answering().answer(from_tensors("r", [Tensor("x", "FP64", [len(values)], values)]))


def test_a_missing_column_is_null_for_the_model_unless_strict() -> None:
    asked = _tensors(x=[1.0, 2.0], c=["a", "b"])
    assert _answering().answer(asked).tolist() == [2.0, 3.0]
    assert "n" not in asked.columns  # and stays missing in the log
    with pytest.raises(BadInput, match="column 'n' is missing"):
        _answering(strict=True).answer(asked)
    assert _answering(strict=True).answer(_tensors(x=[1.0], n=[None], c=["a"])).tolist() == [2.0]


def test_rows_that_the_model_cannot_take_are_the_requests_fault_as_long_as_it_answers_its_own() -> None:
    def picky(frame: Any) -> np.ndarray:
        if frame["x"].isna().any():
            raise ValueError("Input X contains NaN.\nand a long story")
        return np.zeros(len(frame))

    answering = ServedModel(_model(picky), COLUMNS)
    with pytest.raises(BadInput, match=r"the model has no answer without column 'x': Input X contains NaN\.$"):
        answering.answer(_tensors(n=[1], c=["a"]))


def test_a_model_that_fails_on_everything_is_no_fault_of_the_request() -> None:
    broken: list[bool] = []

    def sick(frame: Any) -> np.ndarray:
        if broken:
            raise RuntimeError("out of memory")
        return np.zeros(len(frame))

    answering = ServedModel(_model(sick), COLUMNS)
    broken.append(True)
    with pytest.raises(RuntimeError, match="out of memory"):
        answering.answer(_tensors(x=[1.0], n=[1], c=["a"]))


def test_an_answer_that_is_no_number_is_never_given() -> None:
    answering = ServedModel(_model(lambda frame: np.asarray(frame["x"], dtype=float)), COLUMNS)
    with pytest.raises(BadInput, match="row 1 got nan, which is no number"):
        answering.answer(_tensors(x=[1.0, None], n=[1, 1], c=["a", "b"]))


def test_a_model_that_cannot_answer_its_own_rows_never_serves() -> None:
    def fails(_: Any) -> np.ndarray:
        raise ValueError("unknown category ''")

    with pytest.raises(BadInput, match=r"does not answer a made-up row .* saved with an input example"):
        ServedModel(_model(fails), COLUMNS)
    with pytest.raises(BadInput, match="does not answer its own input example"):
        ServedModel(_model(fails, pa.table({"x": [1.0], "n": [1], "c": ["a"]})), COLUMNS)


def test_texts_are_given_as_pandas_categories_to_a_model_that_takes_nothing_else() -> None:
    def categories_only(frame: Any) -> np.ndarray:
        if str(frame["c"].dtype) != "category":
            raise ValueError("could not convert string to float")
        return np.asarray(frame["c"].cat.codes, dtype=float)

    answering = ServedModel(_model(categories_only), COLUMNS)
    assert answering.answer(_tensors(x=[1.0, 1.0], n=[1, 1], c=["b", "a"])).tolist() == [1.0, 0.0]


def test_codes_that_are_numbers_are_texts_to_the_model_and_numbers_in_the_log() -> None:
    asked = _tensors(x=[1.0], n=[1], c=[1234])
    assert _answering().answer(asked).tolist() == [6.0]
    assert asked.columns["c"].to_pylist() == [1234]


def test_without_a_signature_the_policys_columns_are_the_models() -> None:
    answering = ServedModel(_model(_sum, inputs=()), COLUMNS)
    assert answering.names == ("x", "n", "c")
    with pytest.raises(BadInput, match="no signature, and no policy"):
        ServedModel(_model(_sum, inputs=()), Columns())
