"""An answer on a Workflow is given in the own name alone: the fake and a real API server, with the
rendered admission policy, say the same.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
import tenacity
from kubernetes import client, config

from modelmedic.steps.adapters.kube.answers import ClusterAnswers, annotation
from modelmedic.steps.adapters.kube.client import Document, Kube
from modelmedic.steps.contracts.errors import BadInput, Refused
from modelmedic.workflows.cluster.admission import admission
from modelmedic.workflows.inputs.platform import Platform
from tests.fakes.api_server import ADMIN, API_SERVER, ETCD, ApiServer, api_server
from tests.fakes.programs import missing
from tests.fakes.workflows import FakeArgo

WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/ml/workflows"
DOCUMENT = b'{"approved":true,"by":"ann"}'


@dataclass
class Place:
    """A cluster with the heal of one incident. `kube` is its API with a user's credentials."""

    kube: Callable[[str], Kube]
    incident: str

    @property
    def heal(self) -> str:
        return f"{WORKFLOWS}/heal-{self.incident}"

    def answers(self, user: str) -> ClusterAnswers:
        return ClusterAnswers(self.kube(user), "ml")


def heal(incident: str, name: str = "", annotations: dict[str, str] | None = None) -> Document:
    metadata = {"name": name or f"heal-{incident}", "labels": {"modelmedic.io/incident": incident}, "annotations": annotations or {}}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": {}}


def of_fake(argo: FakeArgo, folder: Path) -> Callable[[str], Kube]:
    def kube(user: str) -> Kube:
        settings = client.Configuration()
        config.load_kube_config(str(argo.kubeconfig(folder / user, user)), client_configuration=settings)
        return Kube(client.ApiClient(settings))

    return kube


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    if missing(ETCD, API_SERVER):
        pytest.skip("no etcd and kube-apiserver on the PATH or in CLUSTER_ASSETS")
    with api_server(tmp_path_factory.mktemp("api"), "ann", "mallory") as server:
        kube = server.kube(ADMIN)
        kube.create("/api/v1/namespaces", {"metadata": {"name": "ml"}})
        for document in admission(Platform(namespace="ml")):
            kind = "validatingadmissionpolicies" if document["kind"].endswith("Policy") else "validatingadmissionpolicybindings"
            kube.create(f"/apis/admissionregistration.k8s.io/v1/{kind}", document)
        tenacity.Retrying(stop=tenacity.stop_after_delay(20), wait=tenacity.wait_fixed(0.2), reraise=True)(expect_enforced, kube)
        yield server


def expect_enforced(kube: Kube) -> None:
    """The API server takes a moment until a policy holds."""
    try:
        kube.create(WORKFLOWS, heal("probe", f"probe-{uuid4().hex[:8]}", {annotation(b""): "somebody"}))
    except (BadInput, Refused):
        return
    raise AssertionError("the admission policy does not hold yet")


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    argo, incident = FakeArgo(), f"churn-{uuid4().hex[:8]}-1"
    kube = request.getfixturevalue("real").kube if request.param == "real" else of_fake(argo, tmp_path)
    kube("admin").create(WORKFLOWS, heal(incident))
    yield Place(kube, incident)
    argo.close()


def test_the_api_server_says_who_gave_an_answer(place: Place) -> None:
    ann = place.answers("ann")
    assert ann.whoami() == "ann"
    ann.give(place.incident, DOCUMENT)
    assert set(place.answers("mallory").givers(place.incident, DOCUMENT)) == {"ann"}
    assert not ann.givers(place.incident, DOCUMENT + b" ")
    assert not ann.givers("churn-1a2b3c4d-2", DOCUMENT)


def test_nobody_answers_in_anothers_name(place: Place) -> None:
    mallory, forged = place.kube("mallory"), {annotation(DOCUMENT): "ann"}
    with pytest.raises((BadInput, Refused), match="an answer is given in the own name alone"):
        mallory.patch(place.heal, {"metadata": {"annotations": forged}})
    with pytest.raises((BadInput, Refused), match="an answer is given in the own name alone"):
        mallory.create(WORKFLOWS, heal(place.incident, f"heal-{uuid4().hex[:8]}", forged))
    assert not place.answers("mallory").givers(place.incident, DOCUMENT)


def test_an_answer_that_stands_may_stay_and_is_not_given_to_somebody_else(place: Place) -> None:
    place.answers("ann").give(place.incident, DOCUMENT)
    place.kube("mallory").patch(place.heal, {"metadata": {"annotations": {"somebody.example/note": "x"}}})
    place.answers("mallory").give(place.incident, b"another document")
    assert set(place.answers("mallory").givers(place.incident, DOCUMENT)) == {"ann"}


def test_an_incident_without_a_heal_takes_no_answer(place: Place) -> None:
    with pytest.raises(Refused, match="has no Workflow in ml"):
        place.answers("ann").give("churn-1a2b3c4d-9", DOCUMENT)
