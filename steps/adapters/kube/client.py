"""The Kubernetes API in plain documents: how it is found, how long it may take, and the errors that
its refusals mean.

The `kubernetes` package brings kubeconfigs, tokens that are renewed and TLS; its classes for every
kind of object are not used, because they know neither KServe nor Argo.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from typing import Any, Final

from modelmedic.steps.contracts.errors import BadInput, Conflict, ModelmedicError, NotFound, Refused, Transient
from modelmedic.steps.contracts.kserve import FIELD_MANAGER

_TIMEOUT: Final = (5.0, 20.0)  # seconds to connect, and between two bytes of an answer
_NEEDED: Final = ("param_serialize", "call_api")  # methods of kubernetes.client.ApiClient; versions before 37 lack the first
_PATCH: Final = {"merge": "application/merge-patch+json", "json": "application/json-patch+json"}
Document = dict[str, Any]


class Kube:
    """Four verbs on API paths such as `/apis/apps/v1/namespaces/x/deployments/y`, for one thread at
    a time.

    All raise NotFound (404), Conflict (409: another writer was faster, or the object exists),
    Refused (no such right, or an admission policy rejected it), BadInput (the API does not take the
    document) and Transient (no answer, or the server's own fault).
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def get(self, path: str) -> Document:
        return self._call("GET", path)

    def listed(self, path: str, selector: str = "", fields: str = "") -> list[Document]:
        """`selector` is of labels, such as `app=isvc.flights-predictor`; `fields` of fields, such
        as `metadata.name=flights`.
        """
        query = {name: value for name, value in (("labelSelector", selector), ("fieldSelector", fields)) if value}
        return list(self._call("GET", path, query=query).get("items") or [])

    def create(self, path: str, document: Mapping[str, Any]) -> Document:
        return self._call("POST", path, document, {"fieldManager": FIELD_MANAGER})

    def patch(self, path: str, change: Any, kind: str = "merge") -> Document:
        """A change whose `metadata` has a resourceVersion is a compare-and-swap. `kind` is merge,
        or json for a list of operations.
        """
        return self._call("PATCH", path, change, {"fieldManager": FIELD_MANAGER}, _PATCH[kind])

    def _call(
        self, verb: str, path: str, body: Any = None, query: Mapping[str, str] | None = None, content: str = "application/json"
    ) -> Document:
        headers = {"Accept": "application/json", **({"Content-Type": content} if body is not None else {})}
        status, reason, data = self._sent(verb, path, headers, body, list((query or {}).items()))
        if status >= 300:
            raise translated(status, reason, data, verb, path)
        try:
            answer = json.loads(data)
        except ValueError as error:
            raise Transient(f"{verb} {path} was answered with no JSON; expected the Kubernetes API at {self._host}") from error
        return dict(answer)

    def _sent(self, verb: str, path: str, headers: dict[str, str], body: Any, query: list[tuple[str, str]]) -> tuple[int, str, bytes]:
        from urllib3.exceptions import HTTPError

        try:
            request = self._client.param_serialize(
                verb, path, query_params=query, header_params=headers, body=body, auth_settings=["BearerToken"]
            )
            response = self._client.call_api(*request, _request_timeout=_TIMEOUT)
            return int(response.status), str(response.reason), bytes(response.read())
        except (HTTPError, OSError) as error:
            raise Transient(f"the Kubernetes API at {self._host} does not answer {verb} {path}: {_first_line(error)}") from error

    @property
    def _host(self) -> str:
        return str(self._client.configuration.host)


def connect(context: str | None = None) -> Kube:
    """The API of a context of KUBECONFIG when one is named, else of the cluster that this process
    runs in, else of KUBECONFIG's current context. Raises BadInput when there is none, or
    the package lacks a needed call.
    """
    try:
        from kubernetes import client, config
    except ModuleNotFoundError as error:
        raise BadInput(
            "a cluster needs the package kubernetes, which is not installed; expected `pip install 'modelmedic[kube]'`"
        ) from error
    missing = [method for method in _NEEDED if not hasattr(client.ApiClient, method)]
    if missing:
        raise BadInput(
            f"the package kubernetes {version('kubernetes')} has no ApiClient.{missing[0]}; expected version 37, or a later one that has it"
        )
    settings = client.Configuration()
    try:
        _load(config, settings, context)
    except (config.ConfigException, OSError) as error:
        raise BadInput(f"no cluster can be reached from here ({_first_line(error)}); expected a pod, or KUBECONFIG") from error
    settings.retries = False
    return Kube(client.ApiClient(settings))


def _load(config: Any, settings: Any, context: str | None) -> None:
    if context is None:
        with suppress(config.ConfigException):
            config.load_incluster_config(client_configuration=settings)
            return
    config.load_kube_config(context=context, client_configuration=settings)


def translated(status: int, reason: str, data: bytes, verb: str, path: str) -> ModelmedicError:
    """One sentence for one refused call."""
    said = _message(data) or reason
    what = f"{verb} {path}"
    if status == 404:
        return NotFound(f"{path} is not there: {said}")
    if status == 409:
        return Conflict(f"{what} lost its race: {said}")
    if status in (401, 403):
        return Refused(f"{what} is not allowed: {said}")
    if status == 429 or status >= 500:
        return Transient(f"{what} was answered {status}: {said}")
    return BadInput(f"{what} was refused with {status}: {said}")


def _message(data: bytes) -> str:
    """The message of the API's Status object."""
    try:
        said = json.loads(data)
    except ValueError:
        return data[:200].decode(errors="replace")
    return " ".join(str(said.get("message", "")).split())[:500] if isinstance(said, dict) else ""


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0][:300] if str(error) else type(error).__name__
