"""Two stand-ins for Argo: `Workflows` in memory, and an API server that keeps Workflows as
Kubernetes does, over real HTTP.
"""

import copy
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from modelmedic.steps.contracts.errors import ModelmedicError
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.kserve import ANSWERS

_PATH = re.compile(r"/apis/argoproj.io/v1alpha1/namespaces/(?P<namespace>[^/]+)/workflows(?:/(?P<name>[^/]+))?")
_LABEL = "modelmedic.io/incident"
Document = dict[str, Any]


@dataclass
class FakeWorkflows:
    """Heals by incident. `refuses` is raised by every start."""

    heals: dict[str, str] = field(default_factory=dict)
    by: dict[str, str] = field(default_factory=dict)
    phases: dict[str, str] = field(default_factory=dict)
    waits: dict[str, str] = field(default_factory=dict)  # incident → stage
    answers: list[tuple[str, str, str, str]] = field(default_factory=list)
    refuses: ModelmedicError | None = None

    def start(self, template: str, incident: Incident, by: str) -> bool:
        if self.refuses is not None:
            raise self.refuses
        if incident.id in self.heals:
            return False
        self.heals[incident.id] = template
        self.by[incident.id] = by
        self.phases[incident.id] = "Running"
        return True

    def phase(self, incident: str) -> str | None:
        return self.phases.get(incident)

    def answer(self, incident: str, stage: str, decision: str, by: str) -> bool:
        if self.waits.get(incident) != stage:
            return False
        del self.waits[incident]
        self.answers.append((incident, stage, decision, by))
        return True


@dataclass
class FakeArgo:
    """Kept as the real one: a name that is taken is 409, and so is a patch with a stale
    resourceVersion.
    """

    objects: dict[str, Document] = field(default_factory=dict)
    written_meanwhile: int = 0  # how many patches come too late because the controller wrote first
    _serial: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def kubeconfig(self, file: Path, user: str = "fake") -> Path:
        host = f"http://127.0.0.1:{self._server.server_address[1]}"
        named = {"cluster": "fake", "user": "fake"}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": host}}],
            "users": [{"name": "fake", "user": {"token": user}}],
            "contexts": [{"name": "fake", "context": named}],
        }
        file.write_text(json.dumps(document))
        return file

    def suspend(self, name: str, stage: str) -> None:
        """Suspend the heal at an approval, as the controller does."""
        parameter = {"name": "decision", "valueFrom": {"supplied": {}, "default": "rejected"}}
        node = {"type": "Suspend", "displayName": stage, "phase": "Running", "outputs": {"parameters": [parameter]}}
        with self._lock:
            self.objects[name]["status"] = {"phase": "Running", "nodes": {f"{name}-1": node}}
            self._stamp(self.objects[name])

    def call(self, verb: str, url: str, body: Any, user: str = "fake") -> tuple[int, Document]:
        parts = urlsplit(url)
        if parts.path.endswith("/selfsubjectreviews"):
            return 201, {"status": {"userInfo": {"username": user}}}
        place = _PATH.fullmatch(parts.path)
        if place is None:
            return _refused(404, f"no such path: {parts.path}")
        with self._lock:
            before = self.objects.get(place["name"] or "", {}) if verb == "PATCH" else {}
            if verb in ("POST", "PATCH") and _in_another_name(before, body, user):
                return _refused(422, "modelmedic: an answer is given in the own name alone")
            if verb == "POST":
                return self._created(body)
            if place["name"] is None:
                _, _, wanted = parse_qs(parts.query)["labelSelector"][0].partition("=")
                found = [each for each in self.objects.values() if each["metadata"]["labels"].get(_LABEL) == wanted]
                return 200, {"items": copy.deepcopy(found)}
            return self._patched(self.objects[place["name"]], body)

    def _created(self, body: Document) -> tuple[int, Document]:
        name = body["metadata"]["name"]
        if name in self.objects:
            return _refused(409, f'workflows.argoproj.io "{name}" already exists')
        self.objects[name] = copy.deepcopy(body)
        self._stamp(self.objects[name])
        return 201, body

    def _patched(self, found: Document, change: Document) -> tuple[int, Document]:
        if self.written_meanwhile:
            self.written_meanwhile -= 1
            self._stamp(found)
        if change["metadata"].get("resourceVersion", found["metadata"]["resourceVersion"]) != found["metadata"]["resourceVersion"]:
            return _refused(409, "the object has been modified")
        _merge(found, change)
        self._stamp(found)
        return 200, found

    def _stamp(self, found: Document) -> None:
        self._serial += 1
        found["metadata"]["resourceVersion"] = str(self._serial)


def _in_another_name(before: Document, change: Document, user: str) -> bool:
    """What the admission policy on answers refuses."""
    stands = before.get("metadata", {}).get("annotations", {})
    noted = (change["metadata"].get("annotations") or {}).items()
    return any(name.startswith(ANSWERS) and giver not in (user, stands.get(name)) for name, giver in noted)


def _merge(into: Document, change: Mapping[str, Any]) -> None:
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _refused(code: int, message: str) -> tuple[int, Document]:
    return code, {"kind": "Status", "code": code, "message": message}


def _handler(argo: FakeArgo) -> type[BaseHTTPRequestHandler]:
    class WorkflowsApiHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, document = argo.call(
                self.command, self.path, body, self.headers.get("Authorization", "").removeprefix("Bearer ") or "fake"
            )
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _answer

        def log_message(self, *_: object) -> None:
            return

    return WorkflowsApiHandler
