"""HTTP requests to one named address, bounded in time and size, with errors in this program's
words.

Every HTTP request of this program goes through here, except those of vendors' own clients (boto3,
MLflow, kubernetes) and of the local gateway, which forwards. A certificate is checked against the
machine's authorities; SSL_CERT_FILE, OpenSSL's own variable, names others. Called by the notifier
of Alertmanager, the publisher of metrics, the clients of predictors and `modelmedic doctor`.
"""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import Any, Final
from urllib.parse import unquote

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util import Url, make_headers, parse_url

from modelmedic.steps.contracts.errors import BadInput, ModelmedicError, Refused, Transient
from modelmedic.steps.contracts.redaction import redact_text

_CHUNK: Final = 1 << 16  # bytes
_LARGEST: Final = 64 << 20  # bytes of a body
_LARGEST_REFUSAL: Final = 1 << 14  # bytes of a refusal's body
_LONGEST: Final = 200  # characters of a refusal that are passed on


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of any status; `headers` are found in any case. A refusal's body may be cut off."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


class HttpClient:
    """Kept-alive connections to one base address.

    No redirect is followed, and no proxy, netrc or cookie of the environment is used: a request
    goes to the named address or nowhere. A user and password in `url` are sent as basic
    authorization and never appear in a message.
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        connect: float = 5.0,
        answer: float = 10.0,
        headers: Mapping[str, str] | None = None,
        largest: int = _LARGEST,
    ) -> None:
        """`name` is what errors call the server. `connect` and `answer` are seconds: to a
        connection, and from there to the end of the answer. `largest` bounds a body, in bytes.

        Raises BadInput when `url` is no http or https address.
        """
        parts = _parsed(url, name)
        self.address = Url(parts.scheme, None, parts.host, parts.port, (parts.path or "").rstrip("/") or None).url
        self._name = name
        self._path = (parts.path or "").rstrip("/")
        self._headers = {**(make_headers(basic_auth=unquote(parts.auth)) if parts.auth else {}), **(headers or {})}
        self._connect, self._answer, self._largest = connect, answer, largest
        pool = urllib3.HTTPSConnectionPool if parts.scheme == "https" else urllib3.HTTPConnectionPool
        self._pool = pool(str(parts.host), parts.port, timeout=urllib3.Timeout(connect=connect, read=answer), maxsize=1)

    def __enter__(self) -> "HttpClient":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._pool.close()

    def call(
        self, method: str, path: str = "", body: bytes | None = None, headers: Mapping[str, str] | None = None, *, repeatable: bool = False
    ) -> Response:
        """The answer of status 2xx to one request, as `send` sends it.

        Raises BadInput when the request or its address is wrong (3xx, 4xx), Refused when there is
        no such right (401, 403), Transient when the request may go through later (408, 429, 5xx).
        """
        response = self.send(method, path, body, headers, repeatable=repeatable)
        if not response.ok:
            raise self.refusal(response, path)
        return response

    def call_json(self, method: str, path: str = "") -> dict[str, Any]:
        """The JSON object of an answer. Raises as `call`, and Transient for an answer of another
        kind.
        """
        response = self.call(method, path, headers={"accept": "application/json"}, repeatable=True)
        try:
            answer = json.loads(response.body)
        except ValueError as error:
            raise Transient(f"{self._where(path)} answers no JSON ({error}); expected a JSON object") from error
        if not isinstance(answer, dict):
            raise Transient(f"{self._where(path)} answers a JSON {type(answer).__name__}; expected a JSON object")
        return answer

    def send(
        self, method: str, path: str = "", body: bytes | None = None, headers: Mapping[str, str] | None = None, *, repeatable: bool = False
    ) -> Response:
        """The answer to one request, of any status. `path` begins with a slash and follows the base
        address.

        A `repeatable` request is sent a second time when the server closes a kept connection just
        then. Raises Transient when there is no answer in time, or one that is too large.
        """
        kept = repeatable and self._pool.num_requests > 0
        try:
            try:
                return self._sent(method, path, body, headers)
            except ProtocolError:
                if not kept:
                    raise
                return self._sent(method, path, body, headers)
        except (HTTPError, OSError) as error:
            raise self._unreachable(path, error) from error

    def refusal(self, response: Response, path: str = "") -> ModelmedicError:
        """The error that an answer of another status than 2xx means."""
        where, status = self._where(path), response.status
        if 300 <= status < 400:
            return BadInput(f"{where} redirects to another address (HTTP {status}); expected its own, because no redirect is followed")
        sentence = f"{where} answers HTTP {status} ({said(response.body) or 'and no reason'})"
        if status in (401, 403):
            return Refused(sentence)
        return Transient(sentence) if status >= 500 or status in (408, 429) else BadInput(sentence)

    def _sent(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None) -> Response:
        sent = {**self._headers, **(headers or {})}
        url = f"{self._path}{path}" or "/"
        response = self._pool.urlopen(method, url, body, sent, retries=False, redirect=False, preload_content=False)
        until = monotonic() + self._answer
        try:
            refused = not 200 <= response.status < 300
            return Response(response.status, response.headers, _excerpt(response, until) if refused else self._body(response, path, until))
        finally:
            if not response.closed:
                response.close()

    def _body(self, response: urllib3.BaseHTTPResponse, path: str, until: float) -> bytes:
        """The whole body, read as it arrives, so that neither its size nor a server that trickles
        is waited for.
        """
        parts, size = [], 0
        while chunk := response.read1(_CHUNK):
            parts.append(chunk)
            size += len(chunk)
            if size > self._largest:
                raise Transient(f"{self._where(path)} answers more than {self._largest} bytes; expected less")
            if monotonic() > until:
                raise Transient(f"{self._where(path)} has not ended its answer after {self._answer:g} s")
        return b"".join(parts)

    def _where(self, path: str) -> str:
        return f"{self._name} at {self.address}{path.partition('?')[0]}"

    def _unreachable(self, path: str, error: Exception) -> Transient:
        return Transient(f"{self._where(path)} cannot be reached: {_reason(error, self._connect, self._answer)}")


def said(body: bytes) -> str:
    """The first words of a refusal's body, on one line, without secrets."""
    return " ".join(redact_text(body[: 4 * _LONGEST].decode(errors="replace")).split())[:_LONGEST]


def _parsed(url: str, name: str) -> Url:
    try:
        parts = parse_url(url)
    except LocationValueError:
        parts = Url()
    if parts.scheme not in ("http", "https") or not parts.host or not url.lower().startswith(("http://", "https://")):
        shown = url.rpartition("@")[2][:80]
        raise BadInput(f"the address of {name} is {shown!r}; expected an http or https address, such as http://host:9093")
    return parts


def _excerpt(response: urllib3.BaseHTTPResponse, until: float) -> bytes:
    """The beginning of a refusal's body, as far as it arrives in time: the status is the answer."""
    parts, size = [], 0
    try:
        while size < _LARGEST_REFUSAL and monotonic() < until and (chunk := response.read1(_LARGEST_REFUSAL - size)):
            parts.append(chunk)
            size += len(chunk)
    except (HTTPError, OSError):
        pass
    return b"".join(parts)


def _reason(error: Exception, connect: float, answer: float) -> str:
    """The reason for which there is no answer, without the vendor's object addresses."""
    if isinstance(error, ConnectTimeoutError) and not isinstance(error, NewConnectionError):  # its subclass
        return f"no connection within {connect:g} s"
    if isinstance(error, ReadTimeoutError):
        return f"no answer within {answer:g} s"
    if isinstance(error, SSLError):
        return f"its certificate or TLS is not accepted ({_cause(error, ssl.SSLError)})"
    return _cause(error, OSError).lower()


def _cause(error: BaseException, kind: type[OSError]) -> str:
    """The words of the operating system's error below a vendor's, else that one's name."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, kind):
        found = found.__cause__ or found.__context__
    if isinstance(found, ssl.SSLCertVerificationError):
        return found.verify_message
    return (found.strerror if isinstance(found, OSError) else None) or type(error).__name__
