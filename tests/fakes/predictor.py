"""A predictor process that starts at once: command line, announcement, headers, metrics and V2
answers of the real one, without a model.

`behaviour.json` in the model folder says what it does: {"value": 0.5}, {"error": "…"} (says that it
cannot serve), {"dies": true} (ends without a word), {"silent": true} (never answers), {"status":
500} (fails every request but those of its own rows), {"picky": true} (refuses a row with an empty
text).
"""

import json
import os
import sys
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

INPUTS = [{"name": "x", "datatype": "FP64", "shape": [-1]}, {"name": "c", "datatype": "BYTES", "shape": [-1]}]


def options(arguments: list[str]) -> dict[str, str]:
    return dict(argument.removeprefix("--").split("=", 1) for argument in arguments if "=" in argument)


def announce(file: str | None, facts: dict[str, Any]) -> None:
    if file is None:
        return
    fresh = Path(file).with_name(".fresh")
    fresh.write_text(json.dumps({"pid": os.getpid(), **facts}))
    fresh.replace(file)


def handler(said: dict[str, str], behaviour: dict[str, Any]) -> type[BaseHTTPRequestHandler]:
    counts: Counter[int] = Counter()

    class PredictorHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet

        def do_GET(self) -> None:
            if self.path == "/metrics":
                lines = [f'modelmedic_requests_total{{code="{code}"}} {count}' for code, count in counts.items()]
                lines += ["modelmedic_recent_p95_seconds 0.001"] if counts else []
                self._send(200, "text/plain", "\n".join(["modelmedic_model_info 1", *lines, ""]).encode())
            else:
                self._answer(200, {"name": said["model-name"], "versions": [said["version"]], "inputs": INPUTS})

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])) or b"{}")
            if self.path == "/modelmedic/flush":
                self._answer(200, {"flushed": True})
            elif behaviour.get("status") and asked.get("id") != "ready":
                self._predicted(behaviour["status"], {"error": "it fails on purpose"})
            elif behaviour.get("picky") and any("" in each["data"] for each in asked["inputs"]):
                self._predicted(400, {"error": "it refuses an empty text"})
            else:
                rows = asked["inputs"][0]["shape"][0]
                output = {"name": "prediction", "shape": [rows], "datatype": "FP64", "data": [behaviour.get("value", 0.5)] * rows}
                role = self.headers.get("x-modelmedic-served-by", "champion")
                about = {"role": role, "digest": said.get("digest", "")}
                self._predicted(
                    200, {"model_name": said["model-name"], "model_version": said["version"], "outputs": [output], "parameters": about}
                )

        def _predicted(self, status: int, plain: dict[str, Any]) -> None:
            if "x-modelmedic-replay" not in self.headers:
                counts[status] += 1
            self._answer(status, plain)

        def _answer(self, status: int, plain: dict[str, Any]) -> None:
            self._send(status, "application/json", json.dumps(plain).encode())

        def _send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.send_header("x-modelmedic-version", said["version"])
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return PredictorHandler


def main() -> int:
    said = options(sys.argv[1:])
    behaviour = json.loads((Path(said["model-dir"]) / "behaviour.json").read_text())
    if behaviour.get("dies"):
        sys.stderr.write("it dies on purpose\n")
        return 0
    if behaviour.get("error"):
        sys.stderr.write(f"{behaviour['error']}\n")
        announce(said.get("announce"), {"error": behaviour["error"]})
        return 77
    while behaviour.get("silent"):
        time.sleep(60)
    server = ThreadingHTTPServer((said.get("host", "127.0.0.1"), int(said.get("port", "0"))), handler(said, behaviour))
    announce(said.get("announce"), {"port": server.server_address[1]})
    server.serve_forever()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
