"""A reference is written once per model version and read back as it was."""

from pathlib import Path

import pytest

from modelmedic.steps.adapters.store.folder import FolderStore
from modelmedic.steps.contracts.errors import BadInput, NotFound
from modelmedic.steps.contracts.formats import NewerFormat
from modelmedic.steps.data.references import StoredReferences
from tests.data.log import rows


@pytest.fixture
def references(tmp_path: Path) -> StoredReferences:
    return StoredReferences(FolderStore(tmp_path / "store"), "loans")


def test_a_reference_belongs_to_its_version(references: StoredReferences) -> None:
    references.keep("1", rows(100))
    references.keep("2", rows(50))
    assert references.table("1").equals(rows(100))
    assert references.table("2").equals(rows(50))


def test_the_first_reference_of_a_version_stands(references: StoredReferences) -> None:
    references.keep("1", rows(100))
    references.keep("1", rows(50))
    assert references.table("1").num_rows == 100


def test_a_version_without_a_reference_is_named(references: StoredReferences) -> None:
    with pytest.raises(NotFound, match="model loans, version 7"):
        references.table("7")


def test_a_reference_without_rows_is_refused(references: StoredReferences) -> None:
    with pytest.raises(BadInput, match="has no rows"):
        references.keep("1", rows(0))


def test_a_reference_of_a_newer_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    references = StoredReferences(FolderStore(tmp_path / "store"), "loans")
    with monkeypatch.context() as later:
        later.setattr("modelmedic.steps.data.references._FORMAT", 2)
        references.keep("1", rows(100))
    with pytest.raises(NewerFormat, match=r"\(reference\) has format 2, and this version of modelmedic reads up to 1; upgrade"):
        references.table("1")
