"""The kubernetes package has the calls that the adapter makes, or says in a sentence that it lacks
one.
"""

import inspect
import json
from pathlib import Path

import kubernetes
import pytest

from modelmedic.steps.adapters.kube.client import Kube, connect
from modelmedic.steps.contracts.errors import BadInput


def test_the_installed_package_takes_the_calls_of_the_adapter() -> None:
    serialize = inspect.signature(kubernetes.client.ApiClient.param_serialize)
    serialize.bind(None, "GET", "/x", query_params=[], header_params={}, body=None, auth_settings=["BearerToken"])
    call = inspect.signature(kubernetes.client.ApiClient.call_api)
    call.bind(None, "GET", "/x", {}, None, [], _request_timeout=(5.0, 20.0))


def test_a_request_is_built_as_the_api_expects_it() -> None:
    client = kubernetes.client.ApiClient(kubernetes.client.Configuration(host="http://api"))
    method, url, headers, body, *_ = client.param_serialize(
        "PATCH", "/x/y", query_params=[("fieldManager", "m")], header_params={"Content-Type": "c"}, body={"a": None}, auth_settings=[]
    )
    assert (method, url, body) == ("PATCH", "http://api/x/y?fieldManager=m", {"a": None})
    assert headers["Content-Type"] == "c"
    assert isinstance(Kube(client), Kube)


def test_a_package_without_a_needed_method_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(kubernetes.client.ApiClient, "param_serialize")
    with pytest.raises(BadInput, match=r"the package kubernetes \d.* has no ApiClient\.param_serialize; expected version 37"):
        connect()


def test_a_named_context_is_taken_from_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("east", "west")
    file = tmp_path / "config"
    file.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "east",
                "clusters": [{"name": name, "cluster": {"server": f"http://{name}"}} for name in names],
                "users": [{"name": "me", "user": {}}],
                "contexts": [{"name": name, "context": {"cluster": name, "user": "me"}} for name in names],
            }
        )
    )
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(file))
    assert [connect(context)._host for context in (None, "west")] == ["http://east", "http://west"]
    with pytest.raises(BadInput, match="no cluster can be reached from here"):
        connect("north")
