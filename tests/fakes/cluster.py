"""A cluster in one process: enough of the Kubernetes API and of KServe's Standard mode to serve,
over real HTTP.

Kept as the real ones were seen to be: a change of the spec raises the generation and a change of
the status only the resourceVersion, which KServe moves all the time; a stale resourceVersion is
409; a canary is in the route once it is available; a predictor that is renamed to its canary's name
keeps its pods; annotations of the InferenceService go to the pods and restart them.
"""

import copy
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.predictor import handler

Document = dict[str, Any]
_OBJECT = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>[^/]+)/namespaces/(?P<namespace>[^/]+)/(?P<kind>[^/]+)(?:/(?P<name>[^/]+))?"
)
_SERVICES, _DEPLOYMENTS, _ROUTES, _PODS = "inferenceservices", "deployments", "httproutes", "pods"


@dataclass
class FakeCluster:
    """`behaviours` by digest say what a predictor does (tests/fakes/predictor.py). `gateway` False
    writes no HTTPRoute.

    `before` is called before each request of the API with its verb and path: a place to interfere.
    """

    gateway: bool = True
    behaviours: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    before: Callable[[str, str], None] = field(default=lambda _verb, _path: None)
    objects: dict[tuple[str, str], Document] = field(default_factory=dict)  # by kind and name
    servers: dict[str, ThreadingHTTPServer] = field(default_factory=dict)  # by pod
    started: list[str] = field(default_factory=list)  # pods, in order
    _serial: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self._api = _serving(_api(self))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._api.server_address[1]}"

    def close(self) -> None:
        for server in (self._api, *self.servers.values()):
            server.shutdown()
            server.server_close()

    def call(self, verb: str, path: str, query: Mapping[str, list[str]], body: Any) -> tuple[int, Document]:
        self.before(verb, path)
        place = _OBJECT.fullmatch(path)
        if place is None:
            return _status(404, f"no such path: {path}")
        with self._lock:
            kind, name = place["kind"], place["name"]
            if verb == "GET" and name is None:
                return 200, {"items": list(self._listed(kind, (query.get("labelSelector") or [""])[0]))}
            if verb == "POST":
                return self._created(kind, body)
            found = self.objects.get((kind, name))
            if found is None:
                return _status(404, f'{kind} "{name}" not found')
            return (200, copy.deepcopy(found)) if verb == "GET" else self._patched(kind, found, body)

    def touch(self, name: str) -> None:
        """Write the status, as KServe does at any time."""
        with self._lock:
            self._stamp(self.objects[_SERVICES, name])

    def edit(self, name: str, change: Document) -> None:
        """Change the service, as a person does."""
        with self._lock:
            self._patched(_SERVICES, self.objects[_SERVICES, name], change)

    def lose(self, name: str) -> None:
        with self._lock:
            del self.objects[_SERVICES, name]

    def ask(self, service: str, number: int) -> str | None:
        """The address to which the gateway sends the request of this number."""
        with self._lock:
            route = self.objects.get((_ROUTES, service))
            if route is None:
                return None
            backends = route["spec"]["rules"][0]["backendRefs"]
            weight = sum(int(each.get("weight", 1)) for each in backends[1:])
            chosen = backends[-1] if (number + 1) * weight // 100 > number * weight // 100 else backends[0]
            pods = [pod for pod in self._pods(chosen["name"]) if pod["status"]["conditions"]]
            return f"http://127.0.0.1:{pods[0]['spec']['containers'][0]['ports'][0]['containerPort']}" if pods else None

    def _listed(self, kind: str, selector: str) -> Iterator[Document]:
        wanted = dict(pair.split("=") for pair in selector.split(",") if pair)
        for (each, _), found in self.objects.items():
            if each == kind and wanted.items() <= (found["metadata"].get("labels") or {}).items():
                yield copy.deepcopy(found)

    def _created(self, kind: str, body: Document) -> tuple[int, Document]:
        key = (kind, body["metadata"]["name"])
        if key in self.objects:
            return _status(409, f'{kind} "{key[1]}" already exists')
        made = copy.deepcopy(body)
        made["metadata"] |= {"generation": 1, "uid": f"uid-{key[1]}"}
        self._stamp(made)
        self.objects[key] = made
        self._reconcile(kind, made)
        return 201, copy.deepcopy(made)

    def _patched(self, kind: str, found: Document, change: Document) -> tuple[int, Document]:
        expected = change.get("metadata", {}).get("resourceVersion")
        if expected is not None and expected != found["metadata"]["resourceVersion"]:
            return _status(409, "the object has been modified; please apply your changes to the latest version and try again")
        before = copy.deepcopy(found)
        _merge(found, {**change, "metadata": {k: v for k, v in change.get("metadata", {}).items() if k != "resourceVersion"}})
        if found != before:
            found["metadata"]["generation"] += found.get("spec") != before.get("spec")
            self._stamp(found)
            self._reconcile(kind, found)
        return 200, copy.deepcopy(found)

    def _stamp(self, document: Document) -> None:
        self._serial += 1
        document["metadata"]["resourceVersion"] = str(self._serial)

    def _reconcile(self, kind: str, service: Document) -> None:
        """KServe: a Deployment for each predictor, its pods, and the route; then the status, once
        more.
        """
        if kind != _SERVICES:
            return
        name, spec = service["metadata"]["name"], service["spec"]
        entries = spec.get("canary") or []
        predictors = {_deployment(name, each): each for each in (spec["predictor"], *(entry["predictor"] for entry in entries))}
        for gone in [n for k, n in self.objects if k == _DEPLOYMENTS and n.startswith(f"{name}-") and n not in predictors]:
            self._ended(gone)
        annotations = service["metadata"].get("annotations") or {}
        for deployment, predictor in predictors.items():
            self._deployed(deployment, predictor, annotations)
        if self.gateway:
            self._routed(name, spec["predictor"], entries)
        self._stamp(service)

    def _deployed(self, name: str, predictor: Document, annotations: Document) -> None:
        container = {"name": "kserve-container", "env": (predictor.get("model") or {}).get("env") or []}
        template = {"metadata": {"annotations": dict(annotations)}, "spec": {"containers": [container]}}
        old = self.objects.get((_DEPLOYMENTS, name))
        if old is not None and old["spec"]["template"] == template:
            return
        if old is not None:
            self._ended(name)
        pod = self._pod(name, template)
        available = len(pod["status"]["conditions"])
        self.objects[_DEPLOYMENTS, name] = {
            "metadata": {"name": name, "generation": 1},
            "spec": {"selector": {"matchLabels": {"app": f"isvc.{name}"}}, "template": template},
            "status": {"observedGeneration": 1, "availableReplicas": available},
        }

    def _pod(self, deployment: str, template: Document) -> Document:
        name = f"{deployment}-{len(self.started)}"
        self.started.append(name)
        said = {entry["name"]: entry["value"] for entry in template["spec"]["containers"][0]["env"]}
        behaviour = self.behaviours.get(said.get("MODELMEDIC_DIGEST", ""), {})
        spec = copy.deepcopy(template["spec"])
        status: Document = {"conditions": [], "containerStatuses": [_container_status(behaviour)]}
        if "MODELMEDIC_VERSION" in said and not any(behaviour.get(way) for way in ("error", "dies", "silent")):
            about = {"model-name": "tiny", "version": said["MODELMEDIC_VERSION"], "digest": said["MODELMEDIC_DIGEST"]}
            self.servers[name] = _serving(handler(about, dict(behaviour)))
            spec["containers"][0]["ports"] = [{"containerPort": self.servers[name].server_address[1]}]
            status |= {"podIP": "127.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]}
        pod = {"metadata": {"name": name, "labels": {"app": f"isvc.{deployment}"}}, "spec": spec, "status": status}
        self.objects[_PODS, name] = pod
        return pod

    def _pods(self, deployment: str) -> list[Document]:
        return [
            pod for (kind, _), pod in self.objects.items() if kind == _PODS and pod["metadata"]["labels"]["app"] == f"isvc.{deployment}"
        ]

    def _ended(self, deployment: str) -> None:
        for pod in self._pods(deployment):
            name = pod["metadata"]["name"]
            del self.objects[_PODS, name]
            if name in self.servers:
                server = self.servers.pop(name)
                server.shutdown()
                server.server_close()
        self.objects.pop((_DEPLOYMENTS, deployment), None)

    def _routed(self, name: str, stable: Document, entries: list[Document]) -> None:
        ready = [
            entry for entry in entries if self.objects[_DEPLOYMENTS, _deployment(name, entry["predictor"])]["status"]["availableReplicas"]
        ]
        backends = [{"name": _deployment(name, stable), "weight": 100 - sum(entry["trafficPercent"] for entry in ready)}]
        backends += [{"name": _deployment(name, entry["predictor"]), "weight": entry["trafficPercent"]} for entry in ready]
        condition = {"type": "Accepted", "status": "True", "observedGeneration": 1}
        self.objects[_ROUTES, name] = {
            "metadata": {"name": name, "generation": 1},
            "spec": {"rules": [{"backendRefs": backends}]},
            "status": {"parents": [{"conditions": [condition]}]},
        }


def _deployment(service: str, predictor: Mapping[str, Any]) -> str:
    return f"{service}-{predictor['name']}-predictor" if predictor.get("name") else f"{service}-predictor"


def _container_status(behaviour: Mapping[str, Any]) -> Document:
    if behaviour.get("error"):
        ended = {"exitCode": 77, "message": behaviour["error"]}
        return {"name": "kserve-container", "restartCount": 0, "state": {"terminated": ended}}
    if behaviour.get("dies"):
        ended = {"exitCode": 0, "reason": "Completed"}
        return {
            "name": "kserve-container",
            "restartCount": 2,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": ended},
        }
    return {"name": "kserve-container", "restartCount": 0, "state": {"running": {}}}


def _merge(into: Document, change: Document) -> None:
    """A JSON merge patch (RFC 7396)."""
    for key, value in change.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict):
            into[key] = into[key] if isinstance(into.get(key), dict) else {}
            _merge(into[key], value)
        else:
            into[key] = copy.deepcopy(value)


def _status(code: int, message: str) -> tuple[int, Document]:
    return code, {"kind": "Status", "code": code, "message": message}


def _serving(handled: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handled)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    return server


def _api(cluster: FakeCluster) -> type[BaseHTTPRequestHandler]:
    class KubernetesApiHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def _any(self) -> None:
            parts = urlsplit(self.path)
            data = self.rfile.read(int(self.headers.get("content-length") or 0))
            code, document = cluster.call(self.command, parts.path, parse_qs(parts.query), json.loads(data) if data else None)
            body = json.dumps(document).encode()
            self.send_response(code)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            with suppress(BrokenPipeError):
                self.wfile.write(body)

        do_GET = do_POST = do_PATCH = _any

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return KubernetesApiHandler
