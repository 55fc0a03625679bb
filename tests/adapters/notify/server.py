"""A small HTTP server on a free loopback port that answers what it is told to and remembers what it
was asked.
"""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], bytes]
OK: Answer = (200, {}, b"")


@dataclass
class Heard:
    """`asked` are the paths and JSON bodies, in order."""

    url: str = ""
    asked: list[tuple[str, Any]] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)


@contextmanager
def answering(answers: Sequence[Answer] = (OK,)) -> Iterator[Heard]:
    """The last answer is given for ever."""
    heard = Heard()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, text = answers[min(len(heard.asked), len(answers) - 1)]
            heard.asked.append((self.path, json.loads(body)))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)
            heard.arrived.set()

        def log_message(self, format: str, *args: object) -> None:  # noqa: ARG002 - the base class's signature
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        heard.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield heard
        finally:
            server.shutdown()
            thread.join()
