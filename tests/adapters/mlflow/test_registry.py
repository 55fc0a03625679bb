"""One model's versions and aliases: registered once per key, moved only from where they were
expected. Real MLflow and the fake.
"""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import ENDPOINT_NOT_FOUND

from modelmedic.steps.adapters.memory.registry import RehearsedRegistry
from modelmedic.steps.adapters.mlflow.client import connect
from modelmedic.steps.adapters.mlflow.registry import MlflowRegistry
from modelmedic.steps.adapters.models.files import digest
from modelmedic.steps.contracts.errors import BadInput, NotFound, Refused
from modelmedic.steps.contracts.policy import Registry as Names
from modelmedic.steps.contracts.ports import Registry
from modelmedic.steps.contracts.training import ModelVersion
from tests.fakes.registry import FakeRegistry
from tests.worlds.sklearn_folder import trained, write


class Tampering(Protocol):
    """A registry, and what people do to it behind its back."""

    @property
    def registry(self) -> Registry: ...

    def delete(self, version: str) -> None: ...

    def tamper(self, version: str) -> None: ...

    def metrics(self, version: str) -> Mapping[str, float]: ...


class Fake:
    def __init__(self, registry: FakeRegistry) -> None:
        self.registry = registry

    def delete(self, version: str) -> None:
        self.registry.delete(version)

    def tamper(self, version: str) -> None:
        self.registry.tamper(version)

    def metrics(self, version: str) -> Mapping[str, float]:
        return self.registry.metrics[version]


class Real:
    def __init__(self, uri: str, work: Path) -> None:
        self.registry = MlflowRegistry(uri, Names(name="flights"), work)
        self._client = connect(uri)

    def delete(self, version: str) -> None:
        self._client.delete_model_version("flights", version)

    def tamper(self, version: str) -> None:
        (Path(str(self._client.get_model_version("flights", version).source)) / "MLmodel").write_text("flavors: {evil: {}}\n")

    def metrics(self, version: str) -> Mapping[str, float]:
        run = str(self._client.get_model_version("flights", version).run_id)
        return dict(self._client.get_run(run).data.metrics)


class Rehearsed:
    """The registry of a replay of the past; it keeps no metrics, so they are remembered here."""

    def __init__(self, files: Path) -> None:
        self.registry = Remembering(files, "flights")
        self._files = files

    def delete(self, version: str) -> None:
        pytest.skip(f"nobody deletes version {version} of a rehearsal")

    def tamper(self, version: str) -> None:
        (self._files / version / "MLmodel").write_text("flavors: {evil: {}}\n")

    def metrics(self, version: str) -> Mapping[str, float]:
        return self.registry.told[version]


class Remembering(RehearsedRegistry):
    def __init__(self, files: Path, name: str) -> None:
        super().__init__(files, name)
        self.told: dict[str, Mapping[str, float]] = {}

    def register(
        self, model: Path, *, key: str, tags: Mapping[str, str], metrics: Mapping[str, float], params: Mapping[str, str] | None = None
    ) -> ModelVersion:
        made = super().register(model, key=key, tags=tags, metrics=metrics, params=params)
        self.told[made.version] = metrics
        return made


@pytest.fixture(params=["fake", "rehearsed", "mlflow"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Tampering:
    if request.param == "fake":
        return Fake(FakeRegistry(tmp_path / "files"))
    if request.param == "rehearsed":
        return Rehearsed(tmp_path / "files")
    made: Real = request.getfixturevalue("real")
    return made


@pytest.fixture
def real(empty_database: Path, tmp_path: Path) -> Real:
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    return Real(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "work")


@pytest.fixture
def model(tmp_path: Path) -> Callable[[str], Path]:
    def make(text: str = "one") -> Path:
        folder = tmp_path / f"model-{text}"
        (folder / "data").mkdir(parents=True, exist_ok=True)
        (folder / "MLmodel").write_text("flavors:\n  python_function: {loader_module: mlflow.sklearn}\n")
        (folder / "data" / "weights.txt").write_text(text)
        return folder

    return make


def test_registering_twice_under_one_key_is_one_version(world: Tampering, model: Callable[[str], Path]) -> None:
    tags = {"incident": "flights-1a2b3c4d-1", "snapshot": "ab" * 32, "cause": "concept_drift"}
    first = world.registry.register(model("one"), key="flights:1", tags=tags, metrics={"challenger_auc": 0.71})
    again = world.registry.register(model("one"), key="flights:1", tags=tags, metrics={"challenger_auc": 0.71})
    assert first == again == world.registry.version("1")
    assert first.digest == digest(model("one"))
    assert first.uri == f"models/{first.digest}"
    assert {**tags, "key": "flights:1", "digest": first.digest} == dict(first.tags)
    assert world.metrics("1") == {"challenger_auc": 0.71}


def test_another_key_is_another_version_and_all_are_listed_oldest_first(world: Tampering, model: Callable[[str], Path]) -> None:
    made = [world.registry.register(model("one"), key=f"flights:{n}", tags={}, metrics={}).version for n in range(3)]
    assert made == ["1", "2", "3"] == [each.version for each in world.registry.versions()]


def test_key_names_one_model(world: Tampering, model: Callable[[str], Path]) -> None:
    world.registry.register(model("one"), key="flights:1", tags={}, metrics={})
    with pytest.raises(Refused, match="registered for flights:1"):
        world.registry.register(model("two"), key="flights:1", tags={}, metrics={})


def test_key_that_could_be_a_query_is_refused(world: Tampering, model: Callable[[str], Path]) -> None:
    with pytest.raises(BadInput, match="registration key"):
        world.registry.register(model("one"), key="x' or name='y", tags={}, metrics={})


def test_fetched_files_are_those_that_were_registered(world: Tampering, model: Callable[[str], Path], tmp_path: Path) -> None:
    version = world.registry.register(model("one"), key="flights:1", tags={}, metrics={})
    assert digest(world.registry.fetch("1", tmp_path / "out")) == version.digest
    world.tamper("1")
    with pytest.raises(Refused, match="digest"):
        world.registry.fetch("1", tmp_path / "out2")
    assert not (tmp_path / "out2").exists()


def test_nothing_is_there_before_the_first_registration(world: Tampering) -> None:
    assert world.registry.alias("champion") is None
    assert world.registry.versions() == ()
    with pytest.raises(NotFound, match="version 1"):
        world.registry.version("1")


def test_alias_moves_only_from_where_it_was_expected(world: Tampering, model: Callable[[str], Path]) -> None:
    for n in (1, 2, 3):
        world.registry.register(model("one"), key=f"flights:{n}", tags={}, metrics={})
    world.registry.move_alias("champion", "1", expected=None)
    world.registry.move_alias("champion", "2", expected="1")
    world.registry.move_alias("champion", "2", expected="1")  # the same move once more
    assert world.registry.alias("champion") == "2"
    with pytest.raises(Refused, match="another writer moved it"):
        world.registry.move_alias("champion", "3", expected="1")
    with pytest.raises(Refused, match="another writer moved it"):
        world.registry.move_alias("champion", "3", expected=None)
    assert world.registry.alias("champion") == "2"


def test_alias_cannot_point_at_a_version_that_is_not_there(world: Tampering, model: Callable[[str], Path]) -> None:
    world.registry.register(model("one"), key="flights:1", tags={}, metrics={})
    with pytest.raises(NotFound):
        world.registry.move_alias("champion", "7", expected=None)
    assert world.registry.alias("champion") is None


def test_deleted_version_takes_its_alias_along_and_that_is_seen(world: Tampering, model: Callable[[str], Path]) -> None:
    for n in (1, 2):
        world.registry.register(model("one"), key=f"flights:{n}", tags={}, metrics={})
    world.registry.move_alias("champion", "2", expected=None)
    world.delete("2")
    assert world.registry.alias("champion") is None
    with pytest.raises(NotFound):
        world.registry.version("2")
    with pytest.raises(Refused):
        world.registry.move_alias("champion", "1", expected="2")


def test_racing_registrations_of_one_key_leave_one_version(empty_database: Path, tmp_path: Path, model: Callable[[str], Path]) -> None:
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    uri, folder, found = f"sqlite:///{tmp_path / 'mlflow.db'}", model("one"), []
    start = threading.Barrier(3)

    def race() -> None:
        registry = MlflowRegistry(uri, Names(name="flights"), tmp_path)
        start.wait()
        found.append(registry.register(folder, key="flights:1", tags={}, metrics={}).version)

    threads = [threading.Thread(target=race) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(set(found)) == 1
    assert [v.version for v in MlflowRegistry(uri, Names(name="flights"), tmp_path).versions()] == found[:1]


_THEIRS = """
import sys, mlflow
folder, place = sys.argv[1:]
mlflow.MlflowClient().create_experiment("theirs", artifact_location=place)
mlflow.set_experiment("theirs")
logged = mlflow.initialize_logged_model(name="model")
mlflow.MlflowClient().log_model_artifacts(logged.model_id, folder)
mlflow.finalize_logged_model(logged.model_id, "READY")
mlflow.MlflowClient().create_registered_model("flights")
mlflow.MlflowClient().create_model_version("flights", f"models:/{logged.model_id}", model_id=logged.model_id)
"""


def test_a_model_that_somebody_logged_by_mlflow_itself_can_be_fetched(real: Real, tmp_path: Path) -> None:
    """MLflow 3 names such a version's source `models:/m-…`, which its downloads look for in the
    store that the environment names. It is logged by a process of its own, because mlflow keeps
    where it tracks in the environment.
    """
    folder = write(tmp_path / "made", trained())
    environment = {**os.environ, "MLFLOW_TRACKING_URI": real.registry._uri}
    called = [sys.executable, "-c", _THEIRS, str(folder), str(tmp_path / "theirs")]
    subprocess.run(called, env=environment, cwd=tmp_path, check=True, timeout=120)
    assert real.registry._client.get_model_version("flights", "1").source.startswith("models:/m-")
    assert digest(real.registry.fetch("1", tmp_path / "fetched")) == digest(folder)


TAGS = {"snapshot": "a" * 64, "holdout": "b" * 64, "cause": "concept_drift"}


@pytest.fixture
def served(empty_database: Path, tmp_path: Path) -> MlflowRegistry:
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    return MlflowRegistry(f"sqlite:///{tmp_path / 'mlflow.db'}", Names(name="flights"), tmp_path / "work")


def run_of(registry: MlflowRegistry, tmp_path: Path, version: str) -> Any:
    return connect(f"sqlite:///{tmp_path / 'mlflow.db'}").get_run(str(registry.version(version).run_id))


def test_a_training_is_a_run_with_parameters_numbers_rows_and_its_model(
    served: MlflowRegistry, tmp_path: Path, model: Callable[[str], Path]
) -> None:
    params = {"entrypoint": "builtin", "rows": "1200"}
    made = served.register(model("one"), key="flights:1", tags=TAGS, metrics={"challenger_auc": 0.71}, params=params)
    run, client = run_of(served, tmp_path, made.version), connect(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert run.data.params == {"entrypoint": "builtin", "rows": "1200"}
    (number,) = client.get_metric_history(run.info.run_id, "challenger_auc")
    assert number.value == 0.71
    assert number.timestamp > 1_600_000_000_000, "milliseconds since 1970, and not 1970 itself"
    datasets = {each.dataset.name: each for each in run.inputs.dataset_inputs}
    assert {name: (each.dataset.digest, each.dataset.source, each.tags[0].value) for name, each in datasets.items()} == {
        "snapshot": ("a" * 36, f"snapshots/{'a' * 64}.parquet", "training"),
        "holdout": ("b" * 36, f"snapshots/{'b' * 64}.parquet", "evaluation"),
    }
    (output,) = run.outputs.model_outputs
    logged = client.get_logged_model(output.model_id)
    assert str(logged.status) == "READY"
    assert (logged.source_run_id, logged.params["rows"]) == (run.info.run_id, "1200")
    (about,) = logged.metrics
    assert (about.key, about.dataset_name, about.dataset_digest) == ("challenger_auc", "holdout", "b" * 36)
    assert logged.tags["mlflow.modelVersions"] == '[{"name": "flights", "version": "1"}]'


def test_a_registration_that_was_cut_off_goes_on_with_its_run(served: MlflowRegistry, tmp_path: Path, model: Callable[[str], Path]) -> None:
    client = connect(f"sqlite:///{tmp_path / 'mlflow.db'}")
    first = served.register(model("one"), key="flights:1", tags=TAGS, metrics={"challenger_auc": 0.71}, params={"rows": "1"})
    client.delete_model_version("flights", first.version)
    again = served.register(model("one"), key="flights:1", tags=TAGS, metrics={"challenger_auc": 0.71}, params={"rows": "1"})
    assert again.run_id == first.run_id
    run = run_of(served, tmp_path, again.version)
    assert (len(run.inputs.dataset_inputs), len(run.outputs.model_outputs)) == (2, 1)


def test_a_server_without_models_of_its_own_keeps_the_files_with_the_run(
    served: MlflowRegistry, tmp_path: Path, model: Callable[[str], Path]
) -> None:
    class Old:
        """MLflow before 3: the endpoint is not there."""

        def __init__(self, client: Any) -> None:
            self._client = client

        def __getattr__(self, name: str) -> Any:
            if "logged_model" in name or name == "log_outputs":
                raise MlflowException("no such endpoint", error_code=ENDPOINT_NOT_FOUND)
            return getattr(self._client, name)

    served.__dict__["_client"] = Old(connect(f"sqlite:///{tmp_path / 'mlflow.db'}"))
    made = served.register(model("one"), key="flights:1", tags=TAGS, metrics={"challenger_auc": 0.71}, params={"rows": "1"})
    assert served.fetch(made.version, tmp_path / "fetched").is_dir()
    assert run_of(served, tmp_path, made.version).data.metrics == {"challenger_auc": 0.71}


def test_a_page_is_kept_beside_the_training_and_the_newest_stands(
    served: MlflowRegistry, tmp_path: Path, model: Callable[[str], Path]
) -> None:
    made = served.register(model("one"), key="flights:1", tags=TAGS, metrics={})
    for text in ("<p>open</p>", "<p>healed</p>"):
        served.attach(made.version, "incident.html", text)
    run = run_of(served, tmp_path, made.version)
    assert Path(run.info.artifact_uri, "incident.html").read_text() == "<p>healed</p>"


def test_what_a_version_loses_while_it_serves_is_a_curve_of_its_run(
    served: MlflowRegistry, tmp_path: Path, model: Callable[[str], Path]
) -> None:
    made = served.register(model("one"), key="flights:1", tags=TAGS, metrics={})
    for day in (1, 2, 2):  # a look that is repeated is no further point
        served.measure(made.version, {"served_log_loss": 0.5 + day / 10}, at=datetime(2026, 1, day, tzinfo=UTC), step=day)
    client = connect(f"sqlite:///{tmp_path / 'mlflow.db'}")
    course = client.get_metric_history(run_of(served, tmp_path, made.version).info.run_id, "served_log_loss")
    assert [(each.step, each.value, each.timestamp) for each in course] == [(1, 0.6, 1767225600000), (2, 0.7, 1767312000000)]
