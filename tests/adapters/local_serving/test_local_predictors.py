"""The whole of local serving with the real predictor: a model's life from first champion to
rollback, and its log.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from modelmedic.steps.adapters.clocks import SystemClock
from modelmedic.steps.adapters.local_serving.serving import LocalServing
from modelmedic.steps.adapters.models.files import digest, push
from modelmedic.steps.adapters.predictor.client import PredictorClient
from modelmedic.steps.adapters.store.folder import FolderStore
from modelmedic.steps.contracts.errors import Refused
from modelmedic.steps.contracts.keys import model_prefix
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.data.windows import LoggedWindows
from tests.worlds.serving import policy
from tests.worlds.sklearn_folder import trained, write

DAY = datetime(2013, 6, 1, tzinfo=UTC)
ROWS = pa.table({"x": [0.5, -0.5], "c": ["a", "b"], "at": [DAY, DAY + timedelta(hours=1)]})


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


@pytest.fixture
def serving(tmp_path: Path, store: FolderStore) -> Iterator[LocalServing]:
    made = LocalServing(tmp_path / "serving", policy(), str(tmp_path / "store"), store)
    yield made
    made.stop()


def _version(store: FolderStore, root: Path, version: str, trusted: tuple[str, ...] = ()) -> ModelVersion:
    folder = write(root / "made" / version, trained(int(version)), trusted)
    found = digest(folder)
    push(store, model_prefix(found), folder)
    return ModelVersion("tiny", version, found, model_prefix(found))


@pytest.mark.slow
def test_a_models_life_on_one_machine_is_in_the_log_with_who_answered(serving: LocalServing, store: FolderStore, tmp_path: Path) -> None:
    first, second = (_version(store, tmp_path, version) for version in "12")
    serving.start(first)
    state = serving.start_canary(second, expected=serving.state().generation)
    state = serving.set_share(50, expected=state.generation)
    assert serving.infer(ROWS, to="canary").version == "2"  # a replay: not in the log
    with PredictorClient(serving.url, "tiny") as client:
        asked = [client.ask(ROWS, f"shared{n}").version for n in range(4)]
        serving.promote(expected=state.generation)
        asked.append(client.ask(ROWS, "promoted").version)
        serving.restore(first)
        asked.append(client.ask(ROWS, "restored").version)
    assert asked == ["1", "2", "1", "2", "2", "1"]
    serving.flush()
    table = LoggedWindows(store, policy(), SystemClock()).table(Window(DAY, DAY + timedelta(days=1)))
    found = {tuple(row[name] for name in ("request_id", "model_version", "served_by")) for row in table.to_pylist()}
    assert {row for row in found if row[0].endswith("-0")} == {
        ("shared0-0", "1", "champion"),
        ("shared1-0", "2", "canary"),
        ("shared2-0", "1", "champion"),
        ("shared3-0", "2", "canary"),
        ("promoted-0", "2", "champion"),
        ("restored-0", "1", "champion"),
    }
    assert len(found) == 12


@pytest.mark.slow
def test_a_challenger_that_may_not_be_unpickled_is_refused_in_its_own_words(
    serving: LocalServing, store: FolderStore, tmp_path: Path
) -> None:
    serving.start(_version(store, tmp_path, "1"))
    with pytest.raises(Refused, match=r"cannot serve: .* has the type builtins.eval in it"):
        serving.start_canary(_version(store, tmp_path, "2", ("builtins.eval",)), expected=serving.state().generation)
    assert serving.state().canary is None
