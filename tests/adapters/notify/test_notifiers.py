"""Every notifier keeps the same promises: hostile texts pass, the message is whole, and trouble is
an error of ours.
"""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.adapters.notify.alertmanager import Alertmanager
from modelmedic.steps.adapters.notify.broadcast import Broadcast
from modelmedic.steps.adapters.notify.receiver import Receiver
from modelmedic.steps.adapters.notify.store import FileNotifier, StoreNotifier
from modelmedic.steps.adapters.notify.terminal import TerminalNotifier
from modelmedic.steps.contracts.codec import decode
from modelmedic.steps.contracts.errors import ModelmedicError, StoreError, Transient
from modelmedic.steps.contracts.notification import Notification, Severity
from modelmedic.steps.contracts.ports import Notifier
from tests.adapters.notify.messages import RealClock, message
from tests.fakes.http_server import answering


@dataclass
class Setup:
    """A notifier, what arrived of it as one text, and how to take away what it needs."""

    notifier: Notifier
    arrived: Callable[[], str]
    break_it: Callable[[], None]


@pytest.fixture(params=["terminal", "file", "store", "alertmanager", "receiver"])
def setup(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Setup]:
    with ExitStack() as stack:
        yield {"terminal": terminal, "file": file, "store": store, "alertmanager": alertmanager, "receiver": receiver}[request.param](
            tmp_path, stack
        )


def terminal(_: Path, __: ExitStack) -> Setup:
    class Gone(io.StringIO):
        gone = False

        def write(self, text: str) -> int:
            if self.gone:
                raise OSError(5, "Input/output error")
            return super().write(text)

    stream = Gone()
    notifier = TerminalNotifier(Console(file=stream, force_terminal=False, width=400, highlight=False))
    return Setup(notifier, stream.getvalue, lambda: setattr(stream, "gone", True))


def file(folder: Path, _: ExitStack) -> Setup:
    path = folder / "told" / "messages.jsonl"

    def take_away() -> None:
        path.unlink(missing_ok=True)
        path.mkdir(parents=True)

    return Setup(FileNotifier(path), path.read_text, take_away)


def store(_: Path, __: ExitStack) -> Setup:
    kept = MemoryStore()
    return Setup(
        StoreNotifier(kept),
        lambda: "\n".join(kept.get(key).data.decode() for key in kept.list("notifications/")),
        lambda: setattr(kept, "unreachable", True),
    )


def alertmanager(_: Path, stack: ExitStack) -> Setup:
    heard = stack.enter_context(answering())
    notifier = Alertmanager(heard.url, RealClock())

    def take_away() -> None:
        stack.close()

    return Setup(notifier, lambda: json.dumps(heard.asked, ensure_ascii=False), take_away)


def receiver(_: Path, stack: ExitStack) -> Setup:
    heard = stack.enter_context(answering())
    environment = {"MODELMEDIC_NOTIFY_TEAM": f"json://{heard.url.removeprefix('http://')}"}
    return Setup(Receiver("team", environment, RealClock()), lambda: json.dumps(heard.asked, ensure_ascii=False), stack.close)


def test_message_arrives_with_all_that_a_person_needs(setup: Setup) -> None:
    setup.notifier.notify(message())
    arrived = setup.arrived()
    for part in ("warning", "data-team", "flights: rows are broken and set aside", "another unit", "flights-1a2b3c4d-1", "incident.html"):
        assert part in arrived


def test_hostile_text_arrives_and_does_nothing(setup: Setup) -> None:
    setup.notifier.notify(message(summary="\x1b[31m[bold]red\x07 \u202e{{ x }}\n\n", description="x" * 100_000, to="a\x00b"))
    arrived = setup.arrived()
    assert "\x1b" not in arrived
    assert "[bold]red" in arrived


def test_a_message_without_incident_or_description_arrives(setup: Setup) -> None:
    setup.notifier.notify(message(incident=None, description="", event="breaker.opened", summary="the breaker is open"))
    assert "the breaker is open" in setup.arrived()


def test_trouble_is_an_error_of_ours_in_one_sentence(setup: Setup) -> None:
    setup.break_it()
    with pytest.raises((Transient, StoreError)) as caught:
        setup.notifier.notify(message())
    assert "\n" not in str(caught.value)


def test_terminal_has_no_colours_where_there_is_no_terminal(tmp_path: Path) -> None:
    with ExitStack() as stack:
        plain = terminal(tmp_path, stack)
        plain.notifier.notify(message(Severity.CRITICAL))
        assert "\x1b" not in plain.arrived()


def test_file_lines_are_read_back_as_they_were_said(tmp_path: Path) -> None:
    path = tmp_path / "messages.jsonl"
    said = [message(), message(Severity.CRITICAL, summary="line\nbreak")]
    for each in said:
        FileNotifier(path).notify(each)
    assert [decode(Notification, line) for line in path.read_bytes().splitlines()] == said


def test_store_keeps_the_same_message_of_an_incident_once() -> None:
    kept = MemoryStore()
    for _ in range(3):
        StoreNotifier(kept).notify(message())
    StoreNotifier(kept).notify(message(summary="another"))
    StoreNotifier(kept).notify(message(incident=None))
    assert len(list(kept.list("notifications/"))) == 3


class Broken:
    def notify(self, notification: Notification) -> None:
        raise Transient(f"nobody hears of {notification.event}")


def test_one_that_fails_does_not_keep_the_others_from_being_told(tmp_path: Path) -> None:
    path = tmp_path / "messages.jsonl"
    failures: list[tuple[str, str, str]] = []

    def failed(notification: Notification, where: str, error: ModelmedicError) -> None:
        failures.append((notification.event, where, str(error)))

    Broadcast([Broken(), FileNotifier(path), Broken()], failed).notify(message())
    assert path.read_text().count("\n") == 1
    assert failures == [("data.quarantined", "Broken", "nobody hears of data.quarantined")] * 2


def test_a_failure_that_cannot_be_noted_breaks_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def away(_: Notification, __: str, ___: ModelmedicError) -> None:
        raise StoreError("the store is away")

    path = tmp_path / "messages.jsonl"
    Broadcast([Broken(), FileNotifier(path)], away).notify(message())
    assert path.exists()
    assert "the store is away" in caplog.text
