"""Answers of people on the heal's Workflow, each proved by the API server: whoever patches a
Workflow is known to it, and a ValidatingAdmissionPolicy (workflows/cluster/admission) lets nobody
write another name than the own one there.

To answer takes `list` and `patch` on workflows, to look takes `list`.
"""

from collections.abc import Collection
from typing import Final

from modelmedic.steps.adapters.kube.client import Document, Kube
from modelmedic.steps.contracts.codec import sha256
from modelmedic.steps.contracts.errors import Refused
from modelmedic.steps.contracts.kserve import ANSWERS

_REVIEW: Final = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_KIND: Final = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
_LABEL: Final = "modelmedic.io/incident"
_DIGITS: Final = 40  # of a document's sha256 in the name of its annotation; a name may have 63 characters


class ClusterAnswers:
    """Answers on the Workflows of one namespace, given and read with the credentials of `kube`."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        self._kube = kube
        self._path = f"/apis/argoproj.io/v1alpha1/namespaces/{namespace}/workflows"
        self._namespace = namespace

    def whoami(self) -> str:
        """The user that the API server takes these credentials for."""
        return str(self._kube.create(_REVIEW, _KIND)["status"]["userInfo"]["username"])

    def give(self, incident: str, document: bytes) -> str:
        """Write the document's hash, under the own name, on the Workflows of the incident's heal;
        returns the annotation.

        Raises Refused where the incident has no Workflow, or where the API server does not let
        these credentials write it.
        """
        found, who = self._heals(incident), self.whoami()
        if not found:
            raise Refused(f"incident {incident} has no Workflow in {self._namespace}, on which an answer could be given; expected its heal")
        name = annotation(document)
        for workflow in found:
            self._kube.patch(f"{self._path}/{workflow['metadata']['name']}", {"metadata": {"annotations": {name: who}}})
        return name

    def givers(self, incident: str, document: bytes) -> Collection[str]:
        """The users who gave exactly this document."""
        name = annotation(document)
        noted = [(workflow["metadata"].get("annotations") or {}).get(name) for workflow in self._heals(incident)]
        return frozenset(str(user) for user in noted if user)

    def _heals(self, incident: str) -> list[Document]:
        return self._kube.listed(self._path, f"{_LABEL}={incident}")


def annotation(document: bytes) -> str:
    """The annotation that says who gave the document."""
    return f"{ANSWERS}{sha256(document)[:_DIGITS]}"
