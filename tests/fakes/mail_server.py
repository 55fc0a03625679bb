"""A real mail server on a free loopback port that keeps what it is given."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP


@dataclass
class Mailbox:
    """The mails that arrived, and the port at which more do."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    refuses: str = ""

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:
        if self.refuses:
            return self.refuses
        mail = message_from_bytes(envelope.content, policy=policy.default)
        self.mails.append(mail)  # type: ignore[arg-type]
        return "250 OK"


@contextmanager
def mailbox(refuses: str = "") -> Iterator[Mailbox]:
    """With `refuses` every mail gets that answer."""
    box, loop = Mailbox(refuses=refuses), asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(lambda: SMTP(box, loop=loop), "127.0.0.1", 0))
    box.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield box
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
