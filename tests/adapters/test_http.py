"""A request goes to the named address or nowhere, within bounds, and its failure is a sentence."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from modelmedic.steps.adapters.http import HttpClient
from modelmedic.steps.contracts.errors import BadInput, ModelmedicError, Refused, Transient
from tests.fakes.http_server import OK, answering


@contextmanager
def raw_server(*answers: bytes, hold: bool = False) -> Iterator[str]:
    """One connection at a time: the next of `answers` for each, then closed, or held open."""
    done = threading.Event()

    def serve(listening: socket.socket) -> None:
        for answer in answers:
            with closing(listening.accept()[0]) as connection:
                connection.recv(65536)
                connection.sendall(answer)
                if hold:
                    done.wait(20)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            done.set()
            thread.join(5)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, BadInput),
        (400, BadInput),
        (404, BadInput),
        (401, Refused),
        (403, Refused),
        (408, Transient),
        (429, Transient),
        (503, Transient),
    ],
)
def test_a_status_says_whether_trying_again_helps(status: int, kind: type[ModelmedicError]) -> None:
    with (
        answering([(status, {}, b"a reason")]) as heard,
        pytest.raises(kind, match=f"HTTP {status}"),
        HttpClient(heard.url, "it") as client,
    ):
        client.call("GET", "/x")


def test_any_status_can_be_asked_for() -> None:
    with answering([(404, {}, b"no such model")]) as heard, HttpClient(heard.url, "it") as client:
        answer = client.send("GET")
    assert (answer.status, answer.body, answer.ok) == (404, b"no such model", False)


def test_no_redirect_is_followed() -> None:
    with answering() as elsewhere, answering([(302, {"Location": elsewhere.url}, b"")]) as heard, HttpClient(heard.url, "it") as client:
        assert client.send("GET").status == 302
    assert elsewhere.asked == []


def test_a_proxy_of_the_environment_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering() as proxy, answering() as heard:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        with HttpClient(heard.url, "it") as client:
            client.call("GET")
    assert proxy.asked == []


def test_credentials_are_sent_and_never_told() -> None:
    with answering([(401, {}, b"who are you")]) as heard:
        url = heard.url.replace("http://", "http://ada:s3cret%40x@")
        with HttpClient(f"{url}/base/", "it") as client, pytest.raises(Refused) as caught:
            client.call("GET", "/x?token=t0ken")
    assert heard.headers[0]["authorization"] == "Basic YWRhOnMzY3JldEB4"
    assert heard.asked[0][0] == "/base/x?token=t0ken"
    assert str(caught.value) == f"it at {heard.url}/base/x answers HTTP 401 (who are you)"


def test_credentials_of_an_address_that_is_none_are_not_told() -> None:
    with pytest.raises(BadInput) as caught:
        HttpClient("ftp://ada:s3cret@host", "it")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "host:9093", "file:///etc/passwd", "ftp://host", "http://", "http://[::1"])
def test_only_http_addresses_are_taken(url: str) -> None:
    with pytest.raises(BadInput, match="expected an http or https address"):
        HttpClient(url, "it")


def test_nobody_there_is_said_with_the_reason() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with HttpClient(url, "it") as client, pytest.raises(Transient) as caught:
            client.call("GET")
    assert str(caught.value) == f"it at {url} cannot be reached: connection refused"


def test_an_answer_that_is_late_is_not_waited_for() -> None:
    with (
        raw_server(b"", hold=True) as url,
        HttpClient(url, "it", answer=0.1) as client,
        pytest.raises(Transient, match="no answer within"),
    ):
        client.call("GET")


def test_a_body_that_is_too_large_is_refused() -> None:
    with (
        answering([(200, {}, b"x" * 1001)]) as heard,
        HttpClient(heard.url, "it", largest=1000) as client,
        pytest.raises(Transient, match="more than 1000"),
    ):
        client.call("GET")
    with answering([(200, {}, b"x" * 1000)]) as heard, HttpClient(heard.url, "it", largest=1000) as client:
        assert len(client.call("GET").body) == 1000


def test_a_body_that_is_cut_off_is_no_answer() -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf") as url, HttpClient(url, "it") as client, pytest.raises(Transient):
        client.call("GET")


def test_a_refusal_without_an_end_is_still_a_refusal() -> None:
    endless = b"HTTP/1.1 400 Bad\r\nContent-Length: 900\r\n\r\nbad"
    with (
        raw_server(endless, hold=True) as url,
        HttpClient(url, "it", answer=0.1) as client,
        pytest.raises(BadInput, match=r"\(bad\)"),
    ):
        client.call("GET")


def test_a_connection_is_kept() -> None:
    with answering([OK, (200, {}, b"x" * 200_000), (404, {}, b"no"), OK], keep_alive=True) as heard, HttpClient(heard.url, "it") as client:
        for _ in range(4):
            client.send("POST", body=b"1")
    assert len(heard.asked) == 4
    assert len(heard.connections) == 1


_KEPT = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"


def test_a_kept_connection_that_breaks_is_opened_anew_for_a_repeatable_request() -> None:
    with dropping() as (url, asked), HttpClient(url, "it") as client:
        client.call("POST", repeatable=True)
        assert client.call("POST", repeatable=True).body == b"1"
    assert asked == [1, 2, 1]


def test_another_request_is_never_sent_twice() -> None:
    with dropping() as (url, asked), HttpClient(url, "it") as client:
        client.call("POST")
        with pytest.raises(Transient, match="cannot be reached"):
            client.call("POST")
    assert asked == [1, 2]


@contextmanager
def dropping() -> Iterator[tuple[str, list[int]]]:
    """Each connection answers its first request and breaks at the second; the numbers within their
    connections, in order.
    """
    asked: list[int] = []

    def serve(listening: socket.socket) -> None:
        for _ in range(2):
            try:
                connection = listening.accept()[0]
            except OSError:
                return
            with closing(connection):
                for number in (1, 2):
                    if not connection.recv(65536):
                        break
                    asked.append(number)
                    if number == 1:
                        connection.sendall(_KEPT + b"1")

    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve, args=(listening,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", asked
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)


@pytest.mark.parametrize(("body", "seen"), [(b"<html>", "no JSON"), (b"[1]", "a JSON list")])
def test_an_answer_that_is_no_json_object_is_said(body: bytes, seen: str) -> None:
    with answering([(200, {}, body)]) as heard, HttpClient(heard.url, "it") as client, pytest.raises(Transient, match=seen):
        client.call_json("GET")


def test_a_certificate_is_checked_against_the_named_authorities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = self_signed(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with answering(tls=tls) as heard:
        with HttpClient(heard.url, "it") as client, pytest.raises(Transient, match="certificate or TLS is not accepted"):
            client.call("GET")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with HttpClient(heard.url, "it") as client:
            assert client.call("GET").ok


def self_signed(folder: Path) -> Path:
    """Key and certificate of 127.0.0.1 in one file."""
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    return path
