"""An S3 server over HTTP for tests, which can be told to misbehave."""

import logging
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

Environ = dict[str, Any]
App = Callable[[Environ, Any], Iterable[bytes]]
_REFUSALS = {
    "broken": ("InternalError", "500 Internal"),
    "busy": ("ConditionalRequestConflict", "409 Conflict"),
    "gone": ("PreconditionFailed", "412 Precondition Failed"),
}


class FaultyS3:
    """moto behind a middleware. `faults` are used up one a write, in their order; None lets the
    write through.

    `lost`: done, and the answer never arrives. `broken`: not done, 500. `busy`: not done, 409.
    `gone`: not done, 412, as a server whose disk was full says of what it did not keep.
    `deaf` names the headers of a request, as WSGI spells them, that are not heard.
    """

    def __init__(self) -> None:
        self.faults: list[str | None] = []
        self.deaf: tuple[str, ...] = ()
        self.writes = 0
        self._app: App = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator["FaultyS3"]:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line per request otherwise
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join(10)
            self._server.server_close()

    def _answer(self, environ: Environ, start: Any) -> Iterable[bytes]:
        for header in self.deaf:
            environ.pop(header, None)
        if environ["REQUEST_METHOD"] not in ("PUT", "POST"):
            return self._app(environ, start)
        self.writes += 1
        fault = self.faults.pop(0) if self.faults else None
        if fault in _REFUSALS:
            code, status = _REFUSALS[fault]
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start(status, [("Content-Type", "application/xml")])
            return [f"<Error><Code>{code}</Code><Message>planted</Message></Error>".encode()]
        answer = list(self._app(environ, start))
        if fault == "lost":
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return answer


def client(url: str) -> Any:
    """boto3's, as the adapter makes it, with credentials of its own."""
    sums = {"request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"}
    config = Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=5, read_timeout=10, **sums)
    return boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test", config=config
    )
