"""A real Kubernetes API server with its etcd on free loopback ports, without anything that runs
pods: users by token, Argo's Workflows by their CustomResourceDefinition.

The programs are looked for on PATH and in the folder CLUSTER_ASSETS.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tenacity
from kubernetes import client, config

from modelmedic.steps.adapters.kube.client import Kube
from modelmedic.steps.contracts.errors import ModelmedicError
from tests.fakes.programs import free_port

_PATH: Final = os.pathsep.join(filter(None, (os.environ.get("PATH"), os.environ.get("CLUSTER_ASSETS"))))
ETCD, API_SERVER = (shutil.which(name, path=_PATH) for name in ("etcd", "kube-apiserver"))
ADMIN: Final = "admin"
_WORKFLOWS: Final[dict[str, Any]] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "workflows.argoproj.io"},
    "spec": {
        "group": "argoproj.io",
        "scope": "Namespaced",
        "names": {"kind": "Workflow", "plural": "workflows", "singular": "workflow"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


@dataclass
class ApiServer:
    """Every user may do everything that the admission policies let through."""

    url: str
    folder: Path

    def kubeconfig(self, user: str) -> Path:
        file = self.folder / f"kubeconfig-{user}"
        named = {"cluster": "real", "user": user}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "real",
            "clusters": [{"name": "real", "cluster": {"server": self.url, "certificate-authority": str(self.folder / "apiserver.crt")}}],
            "users": [{"name": user, "user": {"token": user}}],
            "contexts": [{"name": "real", "context": named}],
        }
        file.write_text(json.dumps(document))
        return file

    def kube(self, user: str) -> Kube:
        settings = client.Configuration()
        config.load_kube_config(str(self.kubeconfig(user)), client_configuration=settings)
        settings.retries = False
        return Kube(client.ApiClient(settings))


@contextmanager
def api_server(folder: Path, *users: str) -> Iterator[ApiServer]:
    """Ready when it knows Workflows."""
    assert ETCD
    assert API_SERVER
    etcd, peer, port = free_port(), free_port(), free_port()
    subprocess.run(["openssl", "genrsa", "-out", folder / "sa.key", "2048"], check=True, capture_output=True)
    (folder / "tokens.csv").write_text("".join(f'{user},{user},{user},"system:masters"\n' for user in (ADMIN, *users)))
    store = [
        *(ETCD, f"--data-dir={folder / 'etcd'}", f"--listen-client-urls=http://127.0.0.1:{etcd}"),
        *(f"--advertise-client-urls=http://127.0.0.1:{etcd}", f"--listen-peer-urls=http://127.0.0.1:{peer}", "--unsafe-no-fsync"),
    ]
    server = [
        *(API_SERVER, f"--etcd-servers=http://127.0.0.1:{etcd}", f"--secure-port={port}", "--bind-address=127.0.0.1"),
        *(f"--cert-dir={folder}", f"--token-auth-file={folder / 'tokens.csv'}", "--authorization-mode=RBAC"),
        *(f"--service-account-key-file={folder / 'sa.key'}", f"--service-account-signing-key-file={folder / 'sa.key'}"),
        *("--service-account-issuer=https://modelmedic.example", "--service-cluster-ip-range=10.0.0.0/24"),
        *("--disable-admission-plugins=ServiceAccount", "--advertise-address=127.0.0.1"),
    ]
    with _running(store, folder / "etcd.log"), _running(server, folder / "api-server.log"):
        found = ApiServer(f"https://127.0.0.1:{port}", folder)
        _wait(lambda: _know_workflows(found.kube(ADMIN)))
        yield found


def _know_workflows(kube: Kube) -> None:
    try:
        kube.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/workflows.argoproj.io")
    except ModelmedicError:
        kube.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", _WORKFLOWS)
    kube.listed("/apis/argoproj.io/v1alpha1/namespaces/default/workflows")


def _wait(ready: Any) -> None:
    tenacity.Retrying(stop=tenacity.stop_after_delay(60), wait=tenacity.wait_fixed(0.1), reraise=True)(ready)


@contextmanager
def _running(command: list[Any], log: Path) -> Iterator[None]:
    with log.open("wb") as said:
        process = subprocess.Popen([str(part) for part in command], stdout=said, stderr=said)
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=20)
