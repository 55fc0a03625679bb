"""An MLflow that is away costs one sentence and a bounded time, and nothing of its own talk is
seen.
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from modelmedic.steps.adapters.mlflow.client import shown
from modelmedic.steps.adapters.mlflow.registry import MlflowRegistry
from modelmedic.steps.contracts.errors import Transient
from modelmedic.steps.contracts.policy import Registry as Names
from tests.fakes.programs import free_port

_NAMES = Names(name="flights")


def test_server_that_does_not_answer_is_transient_within_seconds(tmp_path: Path) -> None:
    registry = MlflowRegistry(f"http://user:secret@127.0.0.1:{free_port()}", _NAMES, tmp_path)
    started = time.monotonic()
    with pytest.raises(Transient, match=r"MLflow at http://127\.0\.0\.1:\d+ did not answer") as caught:
        registry.alias("champion")
    assert time.monotonic() - started < 15
    assert "secret" not in str(caught.value).split("did not answer", 1)[0]
    assert "\n" not in str(caught.value)


def test_database_that_cannot_be_opened_is_transient_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Transient, match="MLflow's database"):
        MlflowRegistry(f"sqlite:///{tmp_path / 'file' / 'mlflow.db'}", _NAMES, tmp_path).alias("champion")
    (tmp_path / "no.db").write_bytes(b"this is no database " * 100)
    with pytest.raises(Transient, match="MLflow's database"):
        MlflowRegistry(f"sqlite:///{tmp_path / 'no.db'}", _NAMES, tmp_path).alias("champion")


def test_password_in_an_address_is_not_shown() -> None:
    assert shown("postgresql://user:secret@host/db") == "postgresql://host/db"
    assert shown("sqlite:////a/b.db") == "sqlite:////a/b.db"


def test_registration_says_nothing_of_its_own(empty_database: Path, tmp_path: Path) -> None:
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "MLmodel").write_text("flavors: {}\n")
    program = f"""
from pathlib import Path
from modelmedic.steps.adapters.mlflow.registry import MlflowRegistry
from modelmedic.steps.contracts.policy import Registry
registry = MlflowRegistry("sqlite:///{tmp_path}/mlflow.db", Registry(name="flights"), Path("{tmp_path}"))
registry.register(Path("{tmp_path}/model"), key="a:1", tags={{"cause": "x"}}, metrics={{"auc": 0.7}})
registry.move_alias("champion", "1", expected=None)
registry.fetch("1", Path("{tmp_path}/out"))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert (done.stdout, done.stderr) == ("", "")
