"""A profile is whole numbers: the same in whatever pieces and order the rows come, and as much
memory for any number of them.
"""

import itertools
import json
import math
import tracemalloc
from dataclasses import replace
from functools import reduce

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import linregress

from modelmedic.steps.contracts.detection import Roles
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.detection.calibration_slope import calibration_slope
from modelmedic.steps.core.profiles.document import from_document, to_document
from modelmedic.steps.core.profiles.layout import Layout, NumberAxis, number_axis
from modelmedic.steps.core.profiles.layout_choice import choose_layout
from modelmedic.steps.core.profiles.profile import Codes, Numbers, Profile, merge, tail_value
from modelmedic.steps.core.profiles.profiler import Profiler, profile_table
from modelmedic.steps.core.tables.arrays import LARGEST
from tests.data.log import policy, rows

ODD = st.floats(allow_nan=True, allow_infinity=True) | st.none() | st.sampled_from([0.0, -0.0, 1.0, 4.999999, 5.0, -5.0, 1e308, 5e-324])


def document(profile: Profile) -> str:
    return json.dumps(to_document(profile), sort_keys=True)


def world(n: int = 3000) -> tuple[pa.Table, Layout]:
    table = rows(n)
    return table, choose_layout(table, policy().roles)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3000), max_size=6), st.randoms())
def test_pieces_in_any_order_make_the_same_profile(cuts: list[int], random: "object") -> None:
    table, layout = world()
    bounds = [0, *sorted(cuts), 3000]
    pieces = [table.slice(a, b - a) for a, b in itertools.pairwise(bounds)]
    random.shuffle(pieces)  # type: ignore[attr-defined]
    assert document(reduce(merge, [profile_table(layout, piece) for piece in pieces])) == document(profile_table(layout, table))


@settings(max_examples=200, deadline=None)
@given(st.lists(ODD, max_size=80), st.lists(ODD, max_size=80))
def test_every_value_is_counted_once_whatever_it_is(first: list[float | None], second: list[float | None]) -> None:
    layout = Layout(numbers={"x": NumberAxis(-5.0, 5.0, 64)})
    parts = [profile_table(layout, pa.table({"x": pa.array(values, pa.float64())})) for values in (first, second)]
    whole = profile_table(layout, pa.table({"x": pa.array([*first, *second], pa.float64())}))
    assert document(merge(*parts)) == document(whole)
    column = whole.columns.get("x")
    values = [v for v in (*first, *second) if v is not None and not math.isnan(v)]
    if isinstance(column, Numbers):
        assert column.known == len(values)
        assert column.nulls == len(first) + len(second) - len(values)
        assert column.infinite == sum(abs(v) >= LARGEST for v in values)
        assert int(column.counts.sum()) == sum(-5.0 <= v < 5.0 for v in values)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_tail_is_known_to_one_part_in_sixty_four(value: float) -> None:
    key = int(np.array([value]).view(np.int64)[0] >> 46)
    assert abs(tail_value(key) - value) <= max(abs(value) / 32, 1e-300)


def test_a_profile_is_read_back_as_it_was_written() -> None:
    table, layout = world()
    profile = profile_table(replace(layout, time="asked_at"), table)
    assert document(from_document(json.loads(document(profile)))) == document(profile)
    with pytest.raises(ValueError, match="format 99"):
        from_document({**to_document(profile), "format": 99})


def test_memory_does_not_grow_with_the_rows() -> None:
    table, layout = world(60_000)
    batches = table.to_batches()

    def peak(times: int) -> int:
        profiler = Profiler(layout)
        tracemalloc.start()
        for _ in range(times):
            for batch in batches:
                profiler.add(batch)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(20) < 1.2 * peak(2)


def test_columns_of_one_kind_of_rows_are_joined_side_by_side() -> None:
    table, layout = world()
    halves = []
    for names in (["income", "age"], ["region", "prediction"]):
        profiler = Profiler(layout, names)
        for batch in table.to_batches():
            profiler.add(batch)
        halves.append(profiler.result())
    joined = halves[0].beside(halves[1])
    assert joined.columns.keys() == {"income", "age", "region", "prediction"}
    assert joined.rows == 3000
    assert joined.losses == profile_table(layout, table).losses


def test_whole_numbers_have_a_bin_each() -> None:
    axis = number_axis(np.array([0.0, 23.0, 5.0, 7.0]))
    assert axis.width == 1.0
    column = profile_table(Layout(numbers={"hour": axis}), pa.table({"hour": np.arange(24.0)})).columns["hour"]
    assert isinstance(column, Numbers)
    assert column.counts.max() == 1


def test_a_long_tail_leaves_the_bulk_its_bins() -> None:
    sample = np.random.default_rng(0).lognormal(0, 1.5, 20_000)
    axis = number_axis(sample, (0.0, 1e9))
    assert axis.width < 0.3
    counts = profile_table(Layout(numbers={"x": axis}), pa.table({"x": sample})).columns["x"]
    assert isinstance(counts, Numbers)
    assert counts.counts.max() / len(sample) < 0.15


def test_an_identifier_is_counted_no_further() -> None:
    layout = Layout(codes=("id",))
    column = profile_table(layout, pa.table({"id": [f"u{i}" for i in range(6000)]})).columns["id"]
    assert isinstance(column, Codes)
    assert (column.identifier, column.counts, column.known) == (True, {}, 6000)


@pytest.mark.parametrize("scale", [1.0, 1e-9, 1e12])
def test_the_mean_loss_is_that_of_the_rows(scale: float) -> None:
    random = np.random.default_rng(1)
    y = random.normal(size=5000) * scale
    table = pa.table({"y": y, "p": y + random.normal(size=5000) * scale, "x": y})
    layout = choose_layout(table, Roles(target="y", prediction="p", task=Task.REGRESSION))
    losses = profile_table(layout, table).losses
    exact = (table["y"].to_numpy() - table["p"].to_numpy()) ** 2
    assert losses.mean(layout.loss_unit) == pytest.approx(exact.mean(), rel=1e-5)
    assert losses.variance(layout.loss_unit) == pytest.approx(exact.var(), rel=1e-3)


@pytest.mark.parametrize("scale", [1.0, 1e-9, 1e12])
def test_the_hold_of_the_answers_on_the_labels_is_the_slope_of_least_squares(scale: float) -> None:
    random = np.random.default_rng(2)
    p = random.normal(size=5000) * scale + 5 * scale
    table = pa.table({"y": 0.7 * p + random.normal(size=5000) * scale, "p": p, "x": p})
    layout = choose_layout(table, Roles(target="y", prediction="p", task=Task.REGRESSION))
    found = calibration_slope(merge(profile_table(layout, table.slice(0, 2000)), profile_table(layout, table.slice(2000))))
    exact = linregress(p, table["y"].to_numpy())
    assert found is not None
    assert found.slope == pytest.approx(exact.slope, rel=1e-3)
    assert found.error == pytest.approx(exact.stderr, rel=1e-2)


def test_answers_that_are_all_alike_hold_nothing() -> None:
    table = pa.table({"y": [0.0, 1.0] * 500, "p": [0.5] * 1000, "x": np.arange(1000.0)})
    assert calibration_slope(profile_table(choose_layout(table, Roles(target="y", prediction="p")), table)) is None


def test_words_are_labels_as_well() -> None:
    table = pa.table({"x": np.arange(200.0), "y": ["no", "yes"] * 100, "p": [0.1, 0.9] * 100})
    layout = choose_layout(table, Roles(target="y", prediction="p"))
    assert (layout.words, layout.task) == (("no", "yes"), Task.BINARY)
    assert profile_table(layout, table).losses.mean(layout.loss_unit) == pytest.approx(-math.log(0.9), rel=1e-4)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("label", [2.0**62, -(2.0**62)])
def test_a_label_that_is_no_class_owns_no_mean(label: float) -> None:
    """A log loss has no bound below where a label of 0 or 1 is an identifier of 19 digits."""
    table, layout = world(500)
    target = table.column_names.index(layout.target)
    odd = profile_table(layout, table.set_column(target, layout.target, pa.array([label] * 500)))
    assert abs(odd.losses.total) <= 500 * 4096 * 2**20
    assert odd.losses.squares > 0
