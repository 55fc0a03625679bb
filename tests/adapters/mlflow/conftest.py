import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelmedic.steps.adapters.mlflow.client import connect


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """MLflow's tables without a row; making them takes seconds, copying them nothing."""
    file = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    connect(f"sqlite:///{file}").search_registered_models(max_results=1)
    with contextlib.suppress(OSError):
        yield file
