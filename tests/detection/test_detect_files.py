"""A verdict from two files of any kind and size: every row counts, and nothing in them ends it."""

import decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from modelmedic.steps.adapters.tables.profile_reader import open_rows, read_profiles
from modelmedic.steps.contracts.detection import ProblemKind, Roles, Verdict
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.words import VerdictState
from modelmedic.steps.core.profiles.document import to_document
from modelmedic.steps.core.profiles.layout_choice import choose_layout
from modelmedic.steps.detection.two_files import detect_files
from tests.data.log import rows

ROLES = Roles(target="defaulted", prediction="prediction", time="asked_at", id="request_id")


def verdict(folder: Path, current: pa.Table, roles: Roles = ROLES, reference: pa.Table | None = None) -> Verdict:
    pq.write_table(rows(4000, seed=1) if reference is None else reference, folder / "reference.parquet")
    pq.write_table(current, folder / "current.parquet")
    return detect_files(folder / "reference.parquet", folder / "current.parquet", roles)


def test_quiet_files_are_quiet(tmp_path: Path) -> None:
    seen = verdict(tmp_path, rows(3000, seed=2))
    assert (seen.state, seen.rows, seen.reference_rows) == (VerdictState.QUIET, 3000, 4000)
    assert {shift.column for shift in seen.shifts} == {"income", "age", "region", "served_by", "prediction"}
    assert seen.performance is not None
    assert seen.performance.labels == 3000


def test_every_row_counts_however_they_are_grouped(tmp_path: Path) -> None:
    table = rows(50_000, seed=3)
    documents = []
    for size in (1000, 50_000):
        pq.write_table(table, tmp_path / f"{size}.parquet", row_group_size=size)
        layout = choose_layout(table, ROLES)
        documents.append(to_document(read_profiles(layout, open_rows(tmp_path / f"{size}.parquet"))[0]))
    assert documents[0] == documents[1]
    assert documents[0]["rows"] == 50_000


def test_csv_and_parquet_say_the_same(tmp_path: Path) -> None:
    table = rows(3000, seed=2).set_column(2, "age", pc.add(rows(3000, seed=2)["age"], 5.0))
    first = verdict(tmp_path, table)
    pyarrow.csv.write_csv(table, tmp_path / "current.csv")
    second = detect_files(tmp_path / "reference.parquet", tmp_path / "current.csv", ROLES)
    assert first.state is second.state is VerdictState.DRIFTED
    assert [(s.column, round(s.effect, 6)) for s in first.shifts] == [(s.column, round(s.effect, 6)) for s in second.shifts]


def test_a_csv_whose_first_block_misleads_is_read_as_a_whole(tmp_path: Path) -> None:
    lines = ["x,y\n", *(f"{i % 50},a\n" for i in range(1_200_000)), "often,b\n"]
    (tmp_path / "current.csv").write_text("".join(lines))
    pq.write_table(pa.table({"x": np.arange(500) % 50, "y": ["a", "b"] * 250}), tmp_path / "reference.parquet")
    seen = detect_files(tmp_path / "reference.parquet", tmp_path / "current.csv", Roles())
    assert seen.rows == 1_200_001
    assert (ProblemKind.TYPE_CHANGED, "x") in [(p.kind, p.column) for p in seen.problems]


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.set_column(1, "income", pc.cast(t["income"], pa.float32())),
        lambda t: t.set_column(2, "age", pa.array([decimal.Decimal(f"{v:.4f}") for v in t["age"].to_pylist()])),
        lambda t: t.set_column(3, "region", t["region"].combine_chunks().dictionary_encode()),
        lambda t: t.set_column(3, "region", pc.cast(t["region"], pa.large_string())),
        lambda t: t.append_column("new", pa.array([{"a": 1}] * t.num_rows)),
        lambda t: t.set_column(0, "asked_at", pc.strftime(t["asked_at"], "%Y-%m-%dT%H:%M:%SZ")),
    ],
    ids=["float32", "decimal", "dictionary", "large text", "one more", "times as text"],
)
def test_another_storage_of_the_same_values_is_no_change(tmp_path: Path, change: object) -> None:
    assert verdict(tmp_path, change(rows(3000, seed=2))).state is VerdictState.QUIET  # type: ignore[operator]


def test_the_reference_may_be_stored_in_any_way(tmp_path: Path) -> None:
    reference = rows(4000, seed=1)
    reference = reference.set_column(3, "region", reference["region"].combine_chunks().dictionary_encode())
    reference = reference.append_column("vip", pa.array([True, False, None, False] * 1000))
    current = rows(3000, seed=2).append_column("vip", pa.array([True, False, None, False] * 750))
    assert verdict(tmp_path, current, reference=reference).state is VerdictState.QUIET


def test_no_rows_are_no_verdict(tmp_path: Path) -> None:
    seen = verdict(tmp_path, rows(0))
    assert (seen.state, seen.problems) == (VerdictState.INSUFFICIENT, ())


def test_a_missing_column_is_broken_data_even_in_a_few_rows(tmp_path: Path) -> None:
    seen = verdict(tmp_path, rows(20).drop_columns(["age"]))
    assert (seen.state, [p.column for p in seen.problems]) == (VerdictState.BROKEN, ["age"])


def test_a_model_that_has_become_wrong_is_degraded(tmp_path: Path) -> None:
    table = rows(3000, seed=2)
    turned = table.set_column(table.column_names.index("defaulted"), "defaulted", pc.subtract(1.0, table["defaulted"]))
    seen = verdict(tmp_path, turned)
    assert seen.state is VerdictState.DEGRADED
    assert "log_loss rose from" in seen.sentence


def test_nothing_to_compare_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="share no feature column"):
        verdict(tmp_path, rows(10), Roles(prediction="prediction"), reference=rows(10).select(["prediction"]))
