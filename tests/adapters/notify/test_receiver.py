"""A receiver's message arrives whole at a real server, its address is never told to anybody, and
whatever is wrong with it is one sentence.
"""

import io
import json
import logging
from datetime import timedelta
from pathlib import Path

import pytest

from modelmedic.steps.adapters.notify.receiver import Receiver, without_address
from modelmedic.steps.contracts.errors import BadInput, Transient
from modelmedic.steps.contracts.notification import Severity
from tests.adapters.notify.messages import RealClock, message
from tests.fakes.http_server import OK, answering
from tests.fakes.mail_server import mailbox
from tests.fakes.programs import free_port

SECRET = "B0x7Kq-hook_secret"


def receiver(url: str, least: Severity = Severity.INFO, clock: RealClock | None = None) -> Receiver:
    return Receiver("on-call", {"MODELMEDIC_NOTIFY_ON_CALL": url}, clock or RealClock(), least)


def webhook(url: str) -> str:
    return f"json://{url.removeprefix('http://')}/{SECRET}"


def test_a_webhook_gets_the_message_with_its_links() -> None:
    with answering() as heard:
        receiver(webhook(heard.url)).notify(message(Severity.CRITICAL))
    [(path, told)] = heard.asked
    assert path.rstrip("/") == f"/{SECRET}"
    assert told["title"] == "critical: flights: rows are broken and set aside"
    assert told["type"] == "failure"
    for part in ("data-team", "flights-1a2b3c4d-1", "another unit", "report: https://store.example/reports/incident.html"):
        assert part in told["message"]


def test_a_mail_server_gets_one_mail_with_the_summary_as_its_subject() -> None:
    with mailbox() as box:
        receiver(f"mailto://127.0.0.1:{box.port}?from=loop@example.com&to=ann@example.com&mode=insecure").notify(message())
    [mail] = box.mails
    assert mail["Subject"] == "warning: flights: rows are broken and set aside"
    assert mail["To"] == "ann@example.com"
    assert "another unit" in mail.as_string()


def test_a_line_break_from_data_makes_no_header_of_a_mail() -> None:
    with mailbox() as box:
        address = f"mailto://127.0.0.1:{box.port}?from=loop@example.com&to=ann@example.com&mode=insecure"
        receiver(address).notify(message(summary="rows\r\nBcc: eve@example.com"))
    [mail] = box.mails
    assert mail["Bcc"] is None


def test_a_file_of_a_mounted_secret_is_read_anew_for_each_message(tmp_path: Path) -> None:
    file = tmp_path / "on-call"
    each = Receiver("on-call", {"MODELMEDIC_NOTIFY": str(tmp_path)}, RealClock())
    with answering() as first, answering() as second:
        for heard in (first, second):
            file.write_text(webhook(heard.url) + "\n")
            each.notify(message())
    assert (len(first.asked), len(second.asked)) == (1, 1)


def test_less_than_the_least_severity_is_not_sent() -> None:
    with answering() as heard:
        pager = receiver(webhook(heard.url), Severity.CRITICAL)
        pager.notify(message(Severity.WARNING))
        pager.notify(message(Severity.CRITICAL))
    assert len(heard.asked) == 1


def test_trouble_that_passes_is_tried_again() -> None:
    clock = RealClock()
    with answering([(503, {}, b"starting"), OK]) as heard:
        receiver(webhook(heard.url), clock=clock).notify(message())
    assert len(heard.asked) == 2
    assert timedelta(0) < sum(clock.slept, timedelta(0)) < timedelta(seconds=2)


def test_a_refusal_says_what_the_service_answered() -> None:
    with answering([(403, {}, b"no")]) as heard, pytest.raises(Transient, match=r"receiver on-call took no message: .*403"):
        receiver(webhook(heard.url)).notify(message())


def test_a_mail_that_is_refused_is_said_in_one_sentence() -> None:
    with mailbox("554 no such user") as box:
        mails = receiver(f"mailto://127.0.0.1:{box.port}?from=loop@example.com&to=ann@example.com&mode=insecure")
        with pytest.raises(Transient, match="receiver on-call took no message") as caught:
            mails.notify(message())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("status", [302, 307])
def test_no_redirect_is_followed(status: int) -> None:
    with answering() as elsewhere, answering([(status, {"Location": f"{elsewhere.url}/inner"}, b"")]) as heard, pytest.raises(Transient):
        receiver(webhook(heard.url)).notify(message())
    assert elsewhere.asked == []


def test_no_part_of_the_address_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    address, logged = f"json://{SECRET}:pass%2Fw0rd@127.0.0.1:{free_port()}/{SECRET}", io.StringIO()
    handler = logging.StreamHandler(logged)
    logging.getLogger().addHandler(handler)
    try:
        with pytest.raises(Transient) as caught:
            receiver(address).notify(message())
    finally:
        logging.getLogger().removeHandler(handler)
    told = f"{caught.value}{logged.getvalue()}{''.join(capfd.readouterr())}"
    assert "Connection error" in told
    assert [part for part in (SECRET, "pass%2Fw0rd", "pass/w0rd") if part in told] == []


def test_an_answer_that_repeats_the_address_is_told_without_it() -> None:
    said = without_address(f"POST https://hooks.example/services/{SECRET} failed: 404 for {SECRET}", f"slack://{SECRET}/T0ken9/x?a=b")
    assert said == "POST https://hooks.example/services/[redacted] failed: 404 for [redacted]"


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({}, "receiver on-call has no address: MODELMEDIC_NOTIFY_ON_CALL is not set; expected an Apprise URL there"),
        ({"MODELMEDIC_NOTIFY": "/nowhere"}, "MODELMEDIC_NOTIFY_ON_CALL is not set and /nowhere/on-call is not to be read"),
        ({"MODELMEDIC_NOTIFY_ON_CALL": "no-such-service://x"}, "has an address that Apprise does not read"),
    ],
)
def test_an_address_that_is_not_there_or_is_none_is_said(environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        Receiver("on-call", environment, RealClock()).notify(message())


def test_a_hostile_text_is_only_text() -> None:
    with answering() as heard:
        receiver(webhook(heard.url)).notify(message(summary="\x1b[31m<b>{{ x }}</b>", description="a" * 100_000))
    assert "\x1b" not in json.dumps(heard.asked, ensure_ascii=False).replace("\\u001b", "\x1b")
