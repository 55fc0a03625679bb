"""Whatever the two tables hold, the answer is a diagnosis or one sentence that says what is
wrong.
"""

import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelmedic.steps.contracts.detection import Roles
from modelmedic.steps.contracts.diagnosis import Context
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.words import Cause, Task
from modelmedic.steps.core.decision.rules import decide
from modelmedic.steps.core.diagnosis.diagnosis import find_cause


def _column(kind: str, rows: int, seed: int) -> pa.Array:
    random = np.random.default_rng(seed)
    made = {
        "normal": lambda: random.normal(size=rows),
        "huge": lambda: random.normal(size=rows) * 1e300,
        "tiny": lambda: random.normal(size=rows) * 1e-300,
        "constant": lambda: np.full(rows, 3.5),
        "null": lambda: pa.nulls(rows),
        "null float": lambda: pa.array([None] * rows, pa.float64()),
        "infinite": lambda: np.where(random.random(rows) < 0.3, np.inf, random.normal(size=rows)),
        "nan": lambda: np.full(rows, np.nan),
        "bool": lambda: random.random(rows) < 0.5,
        "int": lambda: random.integers(0, 5, rows),
        "big int": lambda: random.integers(-(2**62), 2**62, rows),
        "code": lambda: pa.array(random.choice(["a", "b", ""], rows).tolist()),
        "dictionary": lambda: pa.array(random.choice(["a", "b"], rows).tolist()).dictionary_encode(),
        "thousands": lambda: pa.array([f"v{i}" for i in random.integers(0, 5000, rows)]),
        "one code": lambda: pa.array(["x"] * rows),
        "date": lambda: pa.array([datetime.date(2026, 1, 1)] * rows),
        "time": lambda: pa.array(random.integers(0, 10**15, rows), pa.timestamp("us")),
        "zoned": lambda: pa.array(random.integers(0, 10**15, rows), pa.timestamp("us", tz="UTC")),
        "list": lambda: pa.array([[1.0]] * rows),
        "chance": lambda: random.random(rows),
        "label": lambda: (random.random(rows) < 0.3).astype(int),
        "words": lambda: pa.array(random.choice(["yes", "no"], rows).tolist()),
        "one class": lambda: np.zeros(rows, dtype=int),
        "some null": lambda: pa.array([None if random.random() < 0.4 else float(v) for v in random.normal(size=rows)], pa.float64()),
    }
    return pa.array(made[kind]())


KINDS = (
    *("normal", "huge", "tiny", "constant", "null", "infinite", "nan", "bool", "int", "code", "dictionary", "thousands", "date"),
    *("time", "zoned", "list", "chance", "label", "words", "null float", "big int", "one code", "one class", "some null"),
)
SIZES = st.sampled_from([0, 1, 2, 60, 130, 700])


def _table(kinds: dict[str, str], rows: int, seed: int) -> pa.Table:
    return pa.table({name: _column(kind, rows, seed + i) for i, (name, kind) in enumerate(kinds.items())})


@st.composite
def pairs(draw: st.DrawFn) -> tuple[pa.Table, pa.Table, Roles]:
    names = ["a", "b", "c", "d", "y", "p", "t", "v"]
    before = {n: draw(st.sampled_from(KINDS)) for n in names}
    after = {n: k if draw(st.integers(0, 4)) else draw(st.sampled_from(KINDS)) for n, k in before.items()}
    if draw(st.booleans()):
        plausible = {"y": "label", "p": "chance", "t": "time", "v": "code"}
        before, after = {**before, **plausible}, {**after, **plausible}
    if draw(st.integers(0, 5)) == 0:
        after.pop(draw(st.sampled_from(names)))
    sizes, seed = (draw(SIZES), draw(SIZES)), draw(st.integers(0, 10**6))
    tables = [
        pa.table({n: _column(k, rows, seed + i) for i, (n, k) in enumerate(kinds.items())})
        for kinds, rows in zip((before, after), sizes, strict=True)
    ]
    roles = {role: name for role, name in (("target", "y"), ("prediction", "p"), ("time", "t"), ("version", "v")) if draw(st.booleans())}
    return tables[0], tables[1], Roles(**roles, task=draw(st.sampled_from([None, None, *Task])))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(pairs())
def test_any_two_tables_get_a_diagnosis_or_one_sentence(made: tuple[pa.Table, pa.Table, Roles]) -> None:
    reference, current, roles = made
    try:
        found = find_cause(reference, current, roles, Context())
    except BadInput as error:
        if "\n" in str(error) or len(str(error)) < 20:
            raise
        return
    assert 0 < found.confidence <= 1
    assert found.sentence
    assert set(found.columns) <= {*reference.column_names, "target", "prediction"}
    assert sum(h.confidence for h in found.runners_up) <= 1.001
    assert found.loss_shares is None or sum(found.loss_shares.values()) == pytest.approx(1)
    assert found.estimate is None or found.estimate.low <= found.estimate.value <= found.estimate.high
    assert decide(found).remedy


@pytest.mark.parametrize("rows", [0, 1, 99])
def test_an_empty_or_small_window_is_no_evidence(rows: int) -> None:
    reference = pa.table({"x": np.random.default_rng(1).normal(size=1000)})
    found = find_cause(reference, reference.slice(0, rows), Roles(), Context())
    assert found.cause is Cause.INSUFFICIENT_EVIDENCE


def test_predictions_that_are_classes_are_judged_as_answers() -> None:
    random = np.random.default_rng(3)
    x = random.normal(size=8000)
    y = (random.random(8000) < 1 / (1 + np.exp(-2 * x))).astype(int)
    turned = np.concatenate([y[:4000], 1 - y[4000:]])
    table = pa.table({"x": x, "z": random.normal(size=8000), "y": turned, "p": (x > 0).astype(int)})
    found = find_cause(table.slice(0, 4000), table.slice(4000), Roles(target="y", prediction="p"), Context())
    assert found.cause in (Cause.LABEL_QUALITY, Cause.CONCEPT_DRIFT)


def test_a_table_against_itself_is_quiet() -> None:
    random = np.random.default_rng(4)
    table = pa.table({"x": random.normal(size=3000), "c": random.choice(list("abc"), 3000).tolist()})
    assert find_cause(table, table, Roles(), Context()).cause is Cause.NONE
