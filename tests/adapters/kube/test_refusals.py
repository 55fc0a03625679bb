"""Each refusal of the Kubernetes API becomes the error that says whether trying again helps."""

import json

import pytest

from modelmedic.steps.adapters.kube.client import translated
from modelmedic.steps.contracts.errors import BadInput, Conflict, ModelmedicError, NotFound, Refused, Transient


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, NotFound),
        (409, Conflict),
        (401, Refused),
        (403, Refused),
        (422, BadInput),
        (400, BadInput),
        (429, Transient),
        (503, Transient),
    ],
)
def test_each_status_is_an_error_of_ours_with_what_the_api_said(status: int, error: type[ModelmedicError]) -> None:
    said = json.dumps({"kind": "Status", "message": "no such\nthing"}).encode()
    found = translated(status, "Reason", said, "GET", "/api/v1/pods")
    assert type(found) is error
    assert "no such thing" in str(found)
    assert "/api/v1/pods" in str(found)


def test_an_answer_that_is_no_status_object_is_quoted() -> None:
    assert str(translated(502, "Bad Gateway", b"<html>", "GET", "/x")) == "GET /x was answered 502: <html>"
