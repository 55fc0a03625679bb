"""The versions of one model in MLflow and the aliases that say which of them serves.

MLflow's aliases have no compare-and-set, so they are moved under the caller's lease: read, check,
write, read back. Versions are registered once per key: of two racing calls the lower version number
stands and the other one takes its own away again.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from modelmedic.steps.adapters.mlflow.client import connect, database, shown, translated
from modelmedic.steps.adapters.mlflow.training_runs import TAG, TrainingRuns, tagged
from modelmedic.steps.adapters.models.files import digest as folder_digest
from modelmedic.steps.adapters.models.files import settle
from modelmedic.steps.contracts.errors import BadInput, NotFound, Refused, Transient
from modelmedic.steps.contracts.keys import model_prefix
from modelmedic.steps.contracts.policy import Registry as Names
from modelmedic.steps.contracts.redaction import redact_texts
from modelmedic.steps.contracts.training import ModelVersion

_VERSIONS = "mlflow.modelVersions"  # MLflow's own tag, by which its UI leads from a model to its version
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/\-]{0,199}")  # goes into MLflow's filter language, which has no escapes


class MlflowRegistry:
    """Implements `Registry`. `work` is a scratch folder; MLflow itself is first touched by the
    first call.

    With a database of sqlite the files go to `mlartifacts` beside it; with a server, to the
    server's own place.
    """

    def __init__(self, tracking_uri: str, names: Names, work: Path) -> None:
        self._uri = tracking_uri
        self._name = names.name
        self._work = work

    def alias(self, alias: str) -> str | None:
        model = self._model()
        found = model.aliases.get(alias) if model is not None else None
        return str(found) if found is not None else None

    def move_alias(self, alias: str, version: str, *, expected: str | None) -> None:
        now = self.alias(alias)
        if now == version:
            return
        if now != expected:
            raise Refused(
                f"alias {alias} of {self._name} is at {_words(now)}; expected {_words(expected)}: another writer moved it, and that stands"
            )
        self.version(version)
        with translated(self._uri):
            self._client.set_registered_model_alias(self._name, alias, version)
        after = self.alias(alias)
        if after != version:
            raise Refused(f"alias {alias} of {self._name} was set to version {version} and is at {_words(after)}: another writer moved it")

    def register(
        self, model: Path, *, key: str, tags: Mapping[str, str], metrics: Mapping[str, float], params: Mapping[str, str] | None = None
    ) -> ModelVersion:
        digest = folder_digest(model)
        if not _KEY.fullmatch(key):
            raise BadInput(f"registration key is {key[:80]!r}; expected 1 to 200 letters, digits, dots, dashes, colons or slashes")
        found = self._of_key(key)
        if found:
            return self._checked(found[0], digest, key)
        ours = redact_texts({**tags, "key": key, "digest": digest})
        self._ensure_model()
        with translated(self._uri):
            run = TrainingRuns(self._client, self._experiment).write(model, ours, metrics, redact_texts(dict(params or {})))
            facts = {"tags": tagged(ours), "description": ours.get("cause"), "model_id": run.model}
            made = self._client.create_model_version(self._name, run.source, run.run, **facts)
            if run.model:
                self._client.set_logged_model_tags(run.model, {_VERSIONS: json.dumps([{"name": self._name, "version": str(made.version)}])})
        return self._first(made, digest, key)

    def measure(self, version: str, numbers: Mapping[str, float], *, at: datetime, step: int) -> None:
        from mlflow.entities import Metric

        with translated(self._uri):
            run = self._client.get_model_version(self._name, version).run_id
            moment = int(at.timestamp() * 1000)
            if run:
                self._client.log_batch(run, metrics=[Metric(name, float(value), moment, step) for name, value in numbers.items()])

    def attach(self, version: str, name: str, text: str) -> None:
        with translated(self._uri):
            run = self._client.get_model_version(self._name, version).run_id
            if run:
                self._client.log_text(run, text, name)

    def version(self, version: str) -> ModelVersion:
        try:
            with translated(self._uri):
                return self._known(self._client.get_model_version(self._name, version))
        except NotFound as error:
            raise NotFound(f"version {version} of {self._name} is not in MLflow at {shown(self._uri)}") from error

    def versions(self) -> tuple[ModelVersion, ...]:
        with translated(self._uri):
            found = self._search(f"name='{self._name}'")
        return tuple(self._known(each) for each in found)

    def remark(self, name: str) -> str | None:
        model = self._model()
        found = dict(model.tags).get(f"{TAG}{name}") if model is not None else None
        return str(found) if found is not None else None

    def set_remark(self, name: str, text: str) -> None:
        with translated(self._uri):
            self._client.set_registered_model_tag(self._name, f"{TAG}{name}", text)

    def fetch(self, version: str, to: Path) -> Path:
        from mlflow.artifacts import download_artifacts

        wanted = self.version(version)
        with translated(self._uri):
            source = self._client.get_model_version_download_uri(self._name, version)  # the source may be `models:/m-…`
        to.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{to.name}-", dir=to.parent))
        try:
            with translated(self._uri):
                files = Path(download_artifacts(artifact_uri=source, dst_path=str(scratch), tracking_uri=self._uri, registry_uri=self._uri))
            found = folder_digest(files)
            if wanted.digest and found != wanted.digest:
                raise Refused(
                    f"files of version {version} of {self._name} have the digest {found[:12]}; it was registered with {wanted.digest[:12]}"
                )
            settle(files, to)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return to

    @cached_property
    def _client(self) -> Any:
        return connect(self._uri)

    @cached_property
    def _experiment(self) -> str:
        """Made by the first registration; another process may make it at the same moment."""
        file = database(self._uri)
        place = str(file.parent / "mlartifacts" / self._name) if file else None
        with translated(self._uri):
            found = self._client.get_experiment_by_name(self._name)
        if found is None:
            try:
                with translated(self._uri):
                    return str(self._client.create_experiment(self._name, artifact_location=place))
            except Exception:
                with translated(self._uri):
                    found = self._client.get_experiment_by_name(self._name)
                if found is None:
                    raise
        return str(found.experiment_id)

    def _model(self) -> Any | None:
        try:
            with translated(self._uri):
                return self._client.get_registered_model(self._name)
        except NotFound:
            return None

    def _ensure_model(self) -> None:
        if self._model() is not None:
            return
        try:
            with translated(self._uri):
                self._client.create_registered_model(self._name)
        except Exception:
            if self._model() is None:  # another process making it at the same moment is as good
                raise

    def _of_key(self, key: str) -> list[Any]:
        """Versions with this key, the lowest number first."""
        with translated(self._uri):
            return self._search(f"name='{self._name}' and tags.`{TAG}key` = '{key}'")

    def _search(self, query: str) -> list[Any]:
        found: list[Any] = []
        token: str | None = None
        while True:
            page = self._client.search_model_versions(query, max_results=200, page_token=token)
            found.extend(page)
            token = page.token
            if not token:
                return sorted(found, key=lambda each: int(each.version))

    def _first(self, made: Any, digest: str, key: str) -> ModelVersion:
        """The version that stands for the key: ours, or the one of a call that was faster, and ours
        is taken away then.
        """
        found = self._of_key(key)
        if not found:
            raise Transient(f"version {made.version} of {self._name} was registered for {key} and is gone again; expected it to stay")
        first = found[0]
        if str(first.version) != str(made.version):
            with translated(self._uri):
                self._client.delete_model_version(self._name, str(made.version))
        return self._checked(first, digest, key)

    def _checked(self, found: Any, digest: str, key: str) -> ModelVersion:
        known = self._known(found)
        if known.digest != digest:
            raise Refused(
                f"version {known.version} of {self._name} was registered for {key} with the digest {known.digest[:12]}; "
                f"this folder has {digest[:12]}, and a key names one model"
            )
        return known

    def _known(self, found: Any) -> ModelVersion:
        """A version as ours. One that a person registered by hand has no digest of ours: it is
        empty then, and the uri is MLflow's own source.
        """
        tags = {name.removeprefix(TAG): str(value) for name, value in dict(found.tags).items() if name.startswith(TAG)}
        digest = tags.get("digest", "")
        uri = model_prefix(digest) if digest else str(found.source)
        return ModelVersion(self._name, str(found.version), digest, uri, found.run_id or None, tags)


def _words(version: str | None) -> str:
    return f"version {version}" if version is not None else "no version"
