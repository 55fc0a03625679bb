"""The kubernetes package has the calls that the adapter makes, or says in a sentence that it lacks
one.
"""

import inspect

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
