"""The notes beside an InferenceService: the last good state, and facts for when the object store is
away.

They are in a ConfigMap `<InferenceService>-modelmedic`, and not in annotations, because KServe
copies annotations of an InferenceService to the template of its pods, so that each note would
restart every predictor (kserve, components/predictor.go, buildPredictorResources).
"""

import json
from collections.abc import Mapping
from typing import Any

from modelmedic.steps.adapters.kserve.document import ServicePredictor
from modelmedic.steps.adapters.kube.client import Document, Kube
from modelmedic.steps.contracts.errors import Conflict, ModelmedicError, NotFound
from modelmedic.steps.contracts.kserve import notes_name
from modelmedic.steps.contracts.serving import noted

_PREVIOUS, _NOTES = "previous.json", "notes.json"


class Notes:
    """The notes of one InferenceService; `owner` is that object, with which the notes go."""

    def __init__(self, kube: Kube, namespace: str, service: str) -> None:
        self._kube = kube
        self._folder = f"/api/v1/namespaces/{namespace}/configmaps"
        self._name = notes_name(service)
        self._service = service

    def previous(self, champion: ServicePredictor) -> ServicePredictor | None:
        """The predictor that this champion replaced. None when the champion did not come by a
        promotion, or the notes cannot be read.
        """
        kept = self._read(_PREVIOUS)
        if kept.get("of") != champion.digest:
            return None
        return ServicePredictor(**{key: str(kept[key]) for key in ("name", "version", "digest", "uri")})

    def annotations(self) -> Mapping[str, str]:
        return {key: str(value) for key, value in self._read(_NOTES).items()}

    def replace(self, of: ServicePredictor, previous: ServicePredictor, owner: Document) -> None:
        """Note, before a promotion, which predictor the champion `of` replaces."""
        facts = {"of": of.digest, "name": previous.name, "version": previous.version, "digest": previous.digest, "uri": previous.uri}
        self._write(_PREVIOUS, facts, owner)

    def add(self, facts: Mapping[str, str | None], owner: Document | None) -> None:
        self._write(_NOTES, noted(self.annotations(), facts), owner)

    def _read(self, key: str) -> dict[str, Any]:
        """One document of the notes; empty when it cannot be read, because a retreat does not stop
        for that.
        """
        try:
            data = self._kube.get(f"{self._folder}/{self._name}").get("data") or {}
            document = json.loads(data.get(key) or "{}")
        except (ModelmedicError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    def _write(self, key: str, facts: Mapping[str, Any], owner: Document | None) -> None:
        data = {key: json.dumps(facts, sort_keys=True)}
        try:
            self._kube.patch(f"{self._folder}/{self._name}", {"data": data})
        except NotFound:
            try:
                self._kube.create(self._folder, self._document(data, owner))
            except Conflict:
                self._kube.patch(f"{self._folder}/{self._name}", {"data": data})

    def _document(self, data: Mapping[str, str], owner: Document | None) -> Document:
        described: Document = {"name": self._name, "labels": {"app.kubernetes.io/managed-by": "modelmedic"}}
        if owner is not None:
            whose = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": self._service, "uid": owner["metadata"]["uid"]}
            described["ownerReferences"] = [whose]
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": described, "data": dict(data)}
