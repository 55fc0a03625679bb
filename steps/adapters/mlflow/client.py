"""MLflow's client made quiet, bounded in time, and speaking in our errors. Called by the
registry.
"""

import contextlib
import logging
import os
import sqlite3
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from modelmedic.steps.contracts.errors import BadInput, NotFound, Refused, Transient
from modelmedic.steps.contracts.redaction import redact_text

SQLITE = "sqlite:///"
_SETTINGS = {  # read by MLflow at every use; a value of the environment stays
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # MLflow's 7 with their pauses keep a heal waiting for minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0.1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_DISABLE_AGENT_HINT": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
}
_OURS = {"RESOURCE_DOES_NOT_EXIST": NotFound, "NOT_FOUND": NotFound, "INVALID_PARAMETER_VALUE": BadInput, "PERMISSION_DENIED": Refused}


def connect(uri: str) -> Any:
    """An MlflowClient for tracking and registry. A database of sqlite is made when there is none.

    Raises Transient when the database cannot be opened; a server is asked by the first call only.
    """
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    _expect_address(uri)
    _probe(uri)
    with translated(uri):
        from mlflow import MlflowClient  # the settings above have to be there before

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        return MlflowClient(tracking_uri=uri, registry_uri=uri)


def database(uri: str) -> Path | None:
    """The file behind a sqlite address."""
    return Path(uri.removeprefix(SQLITE)).absolute() if uri.startswith(SQLITE) else None


@contextlib.contextmanager
def translated(uri: str) -> Iterator[None]:
    """MLflow's exceptions as ours: NotFound, Refused and BadInput by MLflow's code, Transient for
    every other.
    """
    # deprecations between MLflow and its own libraries do not concern the operator of a heal
    warnings.filterwarnings("ignore", module=r"(mlflow|sqlalchemy|alembic)(\.|$)")
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        kind = _OURS.get(error.error_code, Transient)
        words = "did not answer as expected" if kind is Transient else "refused the call"
        raise kind(f"MLflow at {shown(uri)} {words}: {_line(error)}") from error
    except OSError as error:
        raise Transient(f"MLflow at {shown(uri)} could not be reached: {_line(error)}") from error
    except ModuleNotFoundError as error:
        raise BadInput(
            f"MLflow at {shown(uri)} needs the driver {error.name}, which is not installed; expected it beside MLflow"
        ) from error
    except Exception as error:
        module = type(error).__module__.partition(".")[0]
        if module == "alembic":  # two processes make or upgrade one database
            raise Transient(f"MLflow at {shown(uri)} is being made or upgraded by another process: {_line(error)}") from error
        if module != "sqlalchemy":
            raise
        raise BadInput(f"MLflow at {shown(uri)} is no database that can be used here: {_line(error)}") from error


def shown(uri: str) -> str:
    """The address without what may be a password."""
    scheme, separator, rest = uri.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def _expect_address(uri: str) -> None:
    try:
        _ = urlsplit(uri).port
    except ValueError as error:
        raise BadInput(f"MLflow's address is {shown(uri)!r}, which is none ({error}); expected such as {SQLITE}mlflow.db") from error


def _probe(uri: str) -> None:
    """MLflow tries an unusable database ten times with growing pauses; sqlite itself says so at
    once.
    """
    file = database(uri)
    if file is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(file, timeout=5)) as connection:
            connection.execute("PRAGMA schema_version")
    except (OSError, sqlite3.Error) as error:
        raise Transient(f"MLflow's database {file} cannot be opened: {error}") from error


def _line(error: Exception) -> str:
    text = " ".join(redact_text(str(error)).split()) or type(error).__name__
    return text[:300]
