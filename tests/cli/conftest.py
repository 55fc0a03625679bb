"""Records of one model in a folder of their own."""

from pathlib import Path

import pytest

from tests.cli.records import Records


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Records:
    """In the store that MODELMEDIC_STORE names, as nobody but the test."""
    monkeypatch.setenv("MODELMEDIC_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("LOGNAME", "tester")
    monkeypatch.setenv("COLUMNS", "240")
    return Records(tmp_path / "store")
