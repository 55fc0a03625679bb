"""A diagnosis looks at no answer of a version that a rollback has taken back."""

from pathlib import Path

import pyarrow as pa

from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.heal import diagnose
from tests.worlds.played import NOW, run, site

ROWS = pa.table({"model_version": ["1"] * 200 + ["2"] * 50 + [None] * 5, "age": [30.0] * 255})


def left(folder: Path, rows: pa.Table, champion: str, outcome: Outcome) -> list[str | None]:
    at = run(site(folder))
    earlier, _ = at.site.ledger.open_incident("churn", "h", at.incident.window, "release-audit", {})
    at.site.ledger.close(earlier, Closing(outcome, NOW, "so", "2", "1"))
    kept: list[str | None] = diagnose._without_taken_back(at, rows, champion)["model_version"].unique().to_pylist()
    return kept


def test_its_rows_are_left_out(tmp_path: Path) -> None:
    assert left(tmp_path, ROWS, "1", Outcome.ROLLED_BACK) == ["1", None]


def test_the_rows_of_what_serves_stay_and_those_of_a_healed_model(tmp_path: Path) -> None:
    assert left(tmp_path / "a", ROWS, "2", Outcome.ROLLED_BACK) == ["1", "2", None]
    assert left(tmp_path / "b", ROWS, "1", Outcome.HEALED) == ["1", "2", None]


def test_where_too_few_would_be_left_all_stay(tmp_path: Path) -> None:
    assert left(tmp_path, ROWS.slice(150), "1", Outcome.ROLLED_BACK) == ["1", "2", None]
