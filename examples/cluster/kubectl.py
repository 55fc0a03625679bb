"""The cluster of KUBECONFIG, through kubectl, which every platform engineer has and no vendor
owns.
"""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from modelmedic.steps.adapters.http import HttpClient
from modelmedic.steps.contracts.errors import Transient

NAMESPACE = "modelmedic"
_CALL = 120  # seconds that one kubectl call may take

T = TypeVar("T")


class NoCluster(RuntimeError):
    """No cluster to run on; the sentence says what is missing."""


class Late(RuntimeError):
    """Something did not come about in time; the sentence says what was seen instead."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """`gateway` is the base URL at which the InferenceServices answer by their Host."""

    namespace: str = NAMESPACE
    gateway: str = ""

    def run(self, *arguments: str, stdin: str | None = None, check: bool = True, namespaced: bool = True) -> str:
        """Run kubectl; its output. Raises RuntimeError with its error message."""
        place = ("-n", self.namespace) if namespaced else ()
        done = subprocess.run(["kubectl", *place, *arguments], input=stdin, capture_output=True, text=True, timeout=_CALL, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"kubectl {' '.join(arguments[:4])}: {done.stderr.strip()[-600:]}")
        return done.stdout

    def apply(self, *documents: Mapping[str, Any]) -> None:
        listed = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
        self.run("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(listed))

    def create(self, document: Mapping[str, Any]) -> str:
        """Create the object; its name."""
        return self.run("create", "-f", "-", "-o", "name", stdin=json.dumps(document)).strip().partition("/")[2]

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        text = self.run("get", kind, name, "-o", "json", "--ignore-not-found")
        return dict(json.loads(text)) if text.strip() else None

    def listed(self, kind: str, selector: str = "") -> list[dict[str, Any]]:
        chosen = ("-l", selector) if selector else ()
        return list(json.loads(self.run("get", kind, *chosen, "-o", "json"))["items"])

    def secret(self, name: str, key: str) -> str:
        import base64

        document = self.get("secret", name)
        if document is None:
            raise RuntimeError(f"Secret {name} is not there")
        return base64.b64decode(document["data"][key]).decode()

    @contextmanager
    def forwarded(self, target: str, port: int) -> Iterator[int]:
        """A port of this machine that leads to `target`, such as `svc/mlflow`, while the block
        lasts.
        """
        local = _free_port()
        command = ["kubectl", "-n", self.namespace, "port-forward", target, f"{local}:{port}", "--address=127.0.0.1"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: _listens(local) or None, 20, f"port-forward to {target}")
            yield local
        finally:
            process.terminate()
            process.wait(10)


def find_cluster() -> Cluster:
    """The cluster of KUBECONFIG. Raises NoCluster when none answers, or what the loop needs is not
    on it.
    """
    if shutil.which("kubectl") is None:
        raise NoCluster("kubectl is not installed; expected it and a KUBECONFIG")
    cluster = Cluster(gateway=os.environ.get("GATEWAY", ""))
    try:
        kinds = cluster.run("api-resources", "--no-headers", "-o", "name", "--request-timeout=5s", namespaced=False)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        raise NoCluster(f"no cluster answers at KUBECONFIG={os.environ.get('KUBECONFIG', '')!r}: {str(error)[:200]}") from error
    needed = {
        "workflows.argoproj.io": "Argo Workflows",
        "sensors.argoproj.io": "Argo Events",
        "inferenceservices.serving.kserve.io": "KServe",
    }
    missing = [product for kind, product in needed.items() if kind not in kinds.split()]
    if missing:
        raise NoCluster(f"the cluster has no {' and no '.join(missing)}; docs/quickstart.md says what has to be there")
    if not cluster.gateway.startswith("http://"):
        raise NoCluster(f"GATEWAY is {cluster.gateway!r}; expected the base URL of the cluster's gateway, such as http://127.0.0.1:8080")
    return cluster


def wait_until(look: Callable[[], T | None], seconds: float, what: str, every: float = 1.0, seen: Callable[[], str] = str) -> T:
    """The answer of `look` as soon as it is not None. Raises Late, with the sentence of `seen`."""
    end = time.monotonic() + seconds
    while True:
        answer = look()
        if answer is not None:
            return answer
        if time.monotonic() >= end:
            raise Late(f"{what} did not come about in {seconds:.0f} s; {seen()}")
        time.sleep(every)


def fetch(url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None, timeout: float = 10.0) -> tuple[int, bytes]:
    """The status and the body; status 0 when no server answered."""
    with HttpClient(url, "the cluster", connect=timeout, answer=timeout) as client:
        try:
            answer = client.send("GET" if body is None else "POST", body=body, headers=headers)
        except Transient:
            return 0, b""
        return answer.status, answer.body


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
