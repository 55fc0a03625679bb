"""A predictor process that starts at once: the command line, announcement, headers and V2 answers of the real one, a constant for a model.

`behaviour.json` in the model folder says what it does: {"value": 0.5}, {"error": "…"} (says that it cannot serve), {"dies": true}
(ends without a word), {"silent": true} (never answers), {"status": 500} (fails every request but those of its own rows).
"""

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def options(arguments: list[str]) -> dict[str, str]:
    return dict(argument.removeprefix("--").split("=", 1) for argument in arguments if "=" in argument)


def announce(file: Path, facts: dict[str, Any]) -> None:
    fresh = file.with_name(".fresh")
    fresh.write_text(json.dumps({"pid": os.getpid(), **facts}))
    fresh.replace(file)


def handler(said: dict[str, str], behaviour: dict[str, Any]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])) or b"{}")
            if self.path == "/modelmedic/flush":
                self._answer(200, {"flushed": True})
            elif behaviour.get("status") and asked.get("id") != "ready":
                self._answer(behaviour["status"], {"error": "it fails on purpose"})
            else:
                rows = asked["inputs"][0]["shape"][0]
                output = {"name": "prediction", "shape": [rows], "datatype": "FP64", "data": [behaviour.get("value", 0.5)] * rows}
                role = self.headers.get("x-modelmedic-served-by", "champion")
                self._answer(
                    200,
                    {"model_name": said["model-name"], "model_version": said["version"], "outputs": [output], "parameters": {"role": role}},
                )

        def _answer(self, status: int, plain: dict[str, Any]) -> None:
            body = json.dumps(plain).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.send_header("x-modelmedic-version", said["version"])
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def main() -> None:
    said = options(sys.argv[1:])
    behaviour = json.loads((Path(said["model-dir"]) / "behaviour.json").read_text())
    if behaviour.get("dies"):
        sys.stderr.write("it dies on purpose\n")
        return
    if behaviour.get("error"):
        announce(Path(said["announce"]), {"error": behaviour["error"]})
        return
    while behaviour.get("silent"):
        time.sleep(60)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(said, behaviour))
    announce(Path(said["announce"]), {"port": server.server_address[1]})
    server.serve_forever()


if __name__ == "__main__":
    main()
