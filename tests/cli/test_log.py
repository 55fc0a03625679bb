"""Feeding the log by hand: what is written is what windows read, the same file twice changes
nothing, and what cannot be trusted is refused before anything is written.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
import pytest
import yaml

from modelmedic.steps.adapters.store.folder import FolderStore
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.data.windows import LoggedWindows
from tests.cli.program import run
from tests.data.log import DAY, START, HandClock, labels, policy, rows

WEEK = Window(START, START + 7 * DAY)
ROWS = rows(200)


class Desk:
    """A policy, a store and the files that are fed to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.policy = folder / "policy.yaml"
        self.policy.write_text(yaml.safe_dump(policy().model_dump(mode="json", by_alias=True, exclude_unset=True)))
        self.store = FolderStore(folder / "home" / "store")

    def file(self, name: str, table: pa.Table) -> Path:
        path = self.folder / name
        (pyarrow.csv.write_csv if path.suffix == ".csv" else pyarrow.parquet.write_table)(table, path)
        return path

    def log(self, *arguments: object) -> Any:
        return run("log", self.policy, *arguments, "--home", self.folder / "home")

    def read(self) -> pa.Table:
        return LoggedWindows(self.store, policy(), HandClock()).table(WEEK)

    def keys(self) -> list[str]:
        return [*self.store.list("inference-log/"), *self.store.list("labels/")]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.delenv("MODELMEDIC_STORE", raising=False)
    return Desk(tmp_path)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_windows_read_what_was_fed(desk: Desk, kind: str) -> None:
    asked, told = desk.file(f"asked.{kind}", ROWS.drop_columns(["defaulted"])), desk.file(f"told.{kind}", labels(ROWS))
    ended = desk.log("--requests", asked, "--labels", told)
    assert ended.exit_code == 0, ended.stderr
    found = desk.read()
    assert found["request_id"].to_pylist() == ROWS["request_id"].to_pylist()
    for name in ("income", "region", "prediction", "model_version", "served_by", "defaulted"):
        assert found[name].to_pylist() == ROWS[name].to_pylist(), name
    assert "requests: 200 rows from 2024-03-01" in ended.stdout
    assert "written to 7 objects" in ended.stdout
    assert "inference-log/loans/2024-03-01/" in ended.stdout


def test_the_same_files_again_write_nothing_new(desk: Desk) -> None:
    files = ("--requests", desk.file("asked.csv", ROWS), "--labels", desk.file("told.csv", labels(ROWS)))
    desk.log(*files)
    before = desk.keys()
    ended = desk.log(*files)
    assert ended.stdout.count("all there already, nothing new") == 2
    assert desk.keys() == before


def test_a_dry_run_names_what_would_be_written_and_writes_nothing(desk: Desk) -> None:
    asked = desk.file("asked.parquet", ROWS)
    dry = json.loads(desk.log("--requests", asked, "--dry-run", "--json").stdout)
    assert (dry["dry_run"], dry["requests"]["rows"], dry["requests"]["new_rows"]) == (True, 200, 200)
    assert not (desk.folder / "home").exists()
    done = json.loads(desk.log("--requests", asked, "--json").stdout)
    assert done["requests"]["objects"] == dry["requests"]["objects"]
    assert [each["key"] for each in done["requests"]["objects"]] == desk.keys()


def test_version_and_ids_are_filled_where_they_are_missing(desk: Desk) -> None:
    bare = ROWS.drop_columns(["request_id", "model_version", "served_by", "defaulted"])
    twice = pa.concat_tables([bare, bare.slice(0, 1)])
    ended = desk.log("--requests", desk.file("asked.parquet", twice), "--version", "7")
    assert "request_id was made of each row's own values" in ended.stdout
    found = desk.read()
    assert len(set(found["request_id"].to_pylist())) == found.num_rows == 201
    assert set(found["model_version"].to_pylist()) == {"7"}
    desk.log("--requests", desk.file("more.parquet", bare.slice(50)), "--version", "7")
    assert desk.read().num_rows == 201  # rows that another file had are the same rows


def test_ids_with_leading_zeros_stay_as_they_are(desk: Desk) -> None:
    ids = pa.array([f"{number:06d}" for number in range(200)])
    numbered = ROWS.set_column(ROWS.column_names.index("request_id"), "request_id", ids)
    desk.log("--requests", desk.file("asked.csv", numbered), "--labels", desk.file("told.csv", labels(numbered)))
    found = desk.read()
    assert found["request_id"].to_pylist() == ids.to_pylist()
    assert found["defaulted"].null_count == 0


def test_labels_without_a_time_take_the_stated_one(desk: Desk) -> None:
    told = desk.file("told.csv", labels(ROWS).drop_columns(["labelled_at"]))
    refused = desk.log("--labels", told)
    assert (refused.exit_code, "--labelled-at" in refused.stderr) == (65, True)
    assert desk.log("--labels", told, "--labelled-at", "2024-03-12").exit_code == 0
    (key,) = desk.keys()
    assert key.startswith("labels/loans/2024-03-12/20240312T000000Z-20240312T000000Z-file-")


def without(*names: str) -> pa.Table:
    return ROWS.drop_columns(list(names))


def changed(name: str, values: Any) -> pa.Table:
    return ROWS.set_column(ROWS.column_names.index(name), name, pa.array(values))


REFUSED = {
    "two columns are missing": (
        without("age", "prediction"),
        "no columns age, prediction; expected asked_at, income, age, region, prediction",
    ),
    "no time column": (without("asked_at"), "no column asked_at"),
    "a row without time": (changed("asked_at", [None, *ROWS["asked_at"].to_pylist()[1:]]), "1 row whose asked_at is missing or no time"),
    "an id twice": (changed("request_id", ["same"] * 2 + ROWS["request_id"].to_pylist()[2:]), "request_id same 2 times"),
    "a row without id": (changed("request_id", [" ", *ROWS["request_id"].to_pylist()[1:]]), "1 row without request_id"),
    "no version": (without("model_version"), "give it with --version"),
    "no probability": (changed("prediction", [4.5] * 200), "goes from 4.5 to 4.5; expected the positive class's probability"),
    "text for a prediction": (changed("prediction", ["yes"] * 200), "holds string that is no number"),
    "a row without prediction": (changed("prediction", [None, *[0.5] * 199]), "1 row without prediction"),
    "another role": (changed("served_by", ["shadow"] * 200), "holds 'shadow'; expected champion, canary, unknown"),
    "no rows": (ROWS.slice(0, 0), "have no rows"),
}


@pytest.mark.parametrize(("table", "said"), REFUSED.values(), ids=list(REFUSED))
def test_requests_that_cannot_be_trusted_are_refused_whole(desk: Desk, table: pa.Table, said: str) -> None:
    ended = desk.log("--requests", desk.file("asked.parquet", table), "--labels", desk.file("told.parquet", labels(ROWS)))
    assert ended.exit_code == 65
    assert "asked.parquet: requests have" in ended.stderr or "asked.parquet: column" in ended.stderr
    assert said in ended.stderr
    assert desk.keys() == []


def test_labels_that_cannot_be_trusted_are_refused_before_the_requests_are_written(desk: Desk) -> None:
    told = labels(ROWS)
    for table, said in (
        (told.drop_columns(["request_id"]), "labels have no column request_id"),
        (told.set_column(1, "defaulted", pc.add(told["defaulted"], 1.0)), "holds 2; expected 0 and 1"),
        (pa.concat_tables([told, told.slice(0, 1)]), "2 times; expected every one once"),
    ):
        ended = desk.log("--requests", desk.file("asked.parquet", ROWS), "--labels", desk.file("told.parquet", table))
        assert (ended.exit_code, said in ended.stderr) == (65, True), ended.stderr
    assert desk.keys() == []


def test_a_later_label_of_the_same_request_is_a_correction(desk: Desk) -> None:
    told = labels(ROWS)
    later = pa.array([START + timedelta(days=20)] * 200, pa.timestamp("us", tz="UTC"))
    righted = told.set_column(1, "defaulted", pc.subtract(1.0, told["defaulted"])).set_column(2, "labelled_at", later)
    files = (desk.file("asked.parquet", ROWS), desk.file("told.parquet", pa.concat_tables([told, righted])))
    assert desk.log("--requests", files[0], "--labels", files[1]).exit_code == 0
    assert desk.read()["defaulted"].to_pylist() == righted["defaulted"].to_pylist()


def test_labels_need_requests_with_ids(desk: Desk) -> None:
    asked = desk.file("asked.parquet", without("request_id"))
    ended = desk.log("--requests", asked, "--labels", desk.file("told.parquet", labels(ROWS)))
    assert (ended.exit_code, "by which labels are joined" in ended.stderr, desk.keys()) == (65, True, [])


def test_a_file_has_to_be_named(desk: Desk) -> None:
    assert desk.log().exit_code == 2


def test_columns_that_the_policy_does_not_name_are_left_out_and_said(desk: Desk) -> None:
    ended = desk.log("--requests", desk.file("asked.parquet", ROWS.append_column("customer", pa.array(["c"] * 200))))
    assert "left out, because the policy does not name them: defaulted, customer" in ended.stdout
    written = pyarrow.parquet.read_table(pa.BufferReader(desk.store.get(desk.keys()[0]).data))
    assert "customer" not in written.column_names
    assert pc.min(written["asked_at"]).as_py() >= datetime(2024, 3, 1, tzinfo=UTC)


def test_labels_say_how_many_of_them_find_a_request(desk: Desk) -> None:
    asked, told = desk.file("asked.parquet", ROWS), labels(ROWS)
    early = desk.log("--labels", desk.file("told.parquet", told), "--dry-run").stdout
    assert "0 of 200 labels are of requests that are logged from 2024-02-2" in early
    assert "such as r-1-0" in early
    desk.log("--requests", asked)
    strangers = told.set_column(0, "request_id", pa.array([*told["request_id"].to_pylist()[:150], *(f"other-{n}" for n in range(50))]))
    later = desk.log("--labels", desk.file("told.parquet", strangers))
    assert "150 of 200 labels are of requests" in later.stdout
    assert "r-1-0" not in later.stdout
    both = desk.log("--requests", asked, "--labels", desk.file("told.parquet", told), "--dry-run")
    assert "200 of 200 labels are of requests" in both.stdout
