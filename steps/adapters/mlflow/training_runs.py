"""A training as MLflow shows one: a run with parameters, metrics, the data sets by their digests,
and the model that came of it. Called by the registry when it registers a version.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from modelmedic.steps.contracts.keys import snapshot_key

TAG: Final = "modelmedic."  # before every tag that is ours
_FILES: Final = "model"  # folder of the run's artifacts, on a server without models of their own
_DIGEST: Final = 36  # characters of a data set's digest
_LONGEST: Final = 6000  # characters of a parameter
_DATASETS: Final = {"snapshot": "training", "holdout": "evaluation"}
_UNKNOWN: Final = ("ENDPOINT_NOT_FOUND", "NOT_IMPLEMENTED")  # by a server before MLflow 3, which has no models beside runs


@dataclass(frozen=True, slots=True)
class WrittenRun:
    """`source` is where the model's files are; `model` is its id, None where a server has none."""

    run: str
    source: str
    model: str | None


class TrainingRuns:
    """The runs of one experiment. A second call with the same key goes on with the run of the
    first, wherever that was cut off.
    """

    def __init__(self, client: Any, experiment: str) -> None:
        self._client = client
        self._experiment = experiment

    def write(self, files: Path, tags: Mapping[str, str], metrics: Mapping[str, float], params: Mapping[str, str]) -> WrittenRun:
        """A finished run. `tags` name its key, and its data sets by their digests."""
        run = self._run(tags)
        told = {name: text[:_LONGEST] for name, text in params.items()}
        model = self._model(run.info.run_id, tags, told)
        self._log(run.info.run_id, tags, metrics, told, model.model_id if model else None)
        source = self._keep(run, model, files)
        self._client.set_terminated(run.info.run_id)
        return WrittenRun(run.info.run_id, source, model.model_id if model else None)

    def _run(self, tags: Mapping[str, str]) -> Any:
        runs = self._client.search_runs([self._experiment], _of_key(tags), max_results=1)
        return runs[0] if runs else self._client.create_run(self._experiment, tags=tagged(tags), run_name=tags["key"])

    def _model(self, run: str, tags: Mapping[str, str], params: Mapping[str, str]) -> Any | None:
        from mlflow.exceptions import MlflowException

        try:
            found = self._client.search_logged_models([self._experiment], _of_key(tags), max_results=1)
            name = f"model-{tags['digest'][:12]}"
            return found[0] if found else self._client.create_logged_model(self._experiment, name, run, tagged(tags), dict(params))
        except MlflowException as error:
            if error.error_code in _UNKNOWN:
                return None
            raise

    def _log(self, run: str, tags: Mapping[str, str], metrics: Mapping[str, float], params: Mapping[str, str], model: str | None) -> None:
        """The numbers are of the rows that the model was judged on."""
        from mlflow.entities import Metric, Param

        now, about = int(time.time() * 1000), {"model_id": model}
        if model is not None and "holdout" in tags:
            about |= {"dataset_name": "holdout", "dataset_digest": tags["holdout"][:_DIGEST]}
        numbers = [Metric(name, float(value), now, 0, run_id=run, **about) for name, value in metrics.items()]
        datasets = list(_datasets(tags))
        self._once(lambda: self._client.log_inputs(run, datasets), lambda: len(self._inputs(run)) >= len(datasets))
        self._client.log_batch(run, metrics=numbers, params=[Param(name, text) for name, text in params.items()])

    def _keep(self, run: Any, model: Any | None, files: Path) -> str:
        """The files, with the model where the server knows models, else with the run."""
        from mlflow.entities import LoggedModelOutput

        if model is None:
            self._client.log_artifacts(run.info.run_id, str(files), _FILES)
            return f"{run.info.artifact_uri}/{_FILES}"
        self._client.log_model_artifacts(model.model_id, str(files))
        self._once(
            lambda: self._client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, 0)]),
            lambda: model.model_id in self._outputs(run.info.run_id),
        )
        self._client.finalize_logged_model(model.model_id, "READY")
        return str(model.artifact_location)

    def _once(self, log: Callable[[], object], logged: Callable[[], bool]) -> None:
        """Log what is not logged yet. MLflow refuses a link that is there, and of two racing
        writers one.
        """
        from mlflow.exceptions import MlflowException

        if logged():
            return
        try:
            log()
        except MlflowException:
            if not logged():
                raise

    def _inputs(self, run: str) -> list[Any]:
        found = self._client.get_run(run).inputs
        return list(found.dataset_inputs) if found else []

    def _outputs(self, run: str) -> set[str]:
        found = self._client.get_run(run).outputs
        return {each.model_id for each in found.model_outputs} if found else set()


def tagged(tags: Mapping[str, str]) -> dict[str, str]:
    return {f"{TAG}{name}": str(value) for name, value in tags.items()}


def _of_key(tags: Mapping[str, str]) -> str:
    return f"tags.`{TAG}key` = '{tags['key']}'"


def _datasets(tags: Mapping[str, str]) -> Iterator[Any]:
    """The snapshots in the store. MLflow has room for 36 characters of a digest; the source has it
    whole.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    for name, context in _DATASETS.items():
        if name in tags:
            dataset = Dataset(name, tags[name][:_DIGEST], "modelmedic-store", snapshot_key(tags[name]))
            yield DatasetInput(dataset, [InputTag("mlflow.data.context", context)])
