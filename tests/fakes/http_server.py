"""A small HTTP server on a free loopback port that gives prepared answers and remembers
requests.
"""

import json
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], bytes]
OK: Answer = (200, {}, b"")


@dataclass
class HeardRequests:
    """`asked` are the paths and JSON bodies, in order; `headers` are theirs, by lower-case
    names.
    """

    url: str = ""
    asked: list[tuple[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: set[int] = field(default_factory=set)
    arrived: threading.Event = field(default_factory=threading.Event)


@contextmanager
def answering(answers: Sequence[Answer] = (OK,), *, tls: ssl.SSLContext | None = None, keep_alive: bool = False) -> Iterator[HeardRequests]:
    """The last answer is given for ever."""
    heard = HeardRequests()

    class PreparedAnswers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1" if keep_alive else "HTTP/1.0"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, text = answers[min(len(heard.asked), len(answers) - 1)]
            heard.asked.append((self.path, json.loads(body or b"null")))
            heard.headers.append({name.lower(): value for name, value in self.headers.items()})
            heard.connections.add(self.client_address[1])
            self.send_response(status)
            for name, value in {"Content-Length": str(len(text)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)
            heard.arrived.set()

        do_GET = do_PUT = do_POST

        def log_message(self, format: str, *args: object) -> None:  # noqa: ARG002 - the base class's signature
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), PreparedAnswers) as server:
        server.daemon_threads = True
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        heard.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield heard
        finally:
            server.shutdown()
            thread.join()
