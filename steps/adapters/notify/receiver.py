"""Messages to chat, mail, a pager or a webhook by Apprise, where there is no Alertmanager to hand
them on.

The address of a receiver is an Apprise URL, and mostly a secret: it comes from the environment or a
mounted Secret by the receiver's name, and no part of it leaves this module.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from modelmedic.steps.adapters.notify.again import deliver_again
from modelmedic.steps.adapters.notify.texts import printable
from modelmedic.steps.contracts.errors import BadInput, Transient
from modelmedic.steps.contracts.notification import Notification, Severity
from modelmedic.steps.contracts.ports import Clock
from modelmedic.steps.contracts.redaction import REDACTED, redact_text

if TYPE_CHECKING:
    from apprise import Apprise

FOLDER: Final = "MODELMEDIC_NOTIFY"  # the environment names a folder as this, with a file for each receiver
_KINDS: Final = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}  # Apprise's words
_LONGEST: Final = 300  # characters of what a service answered
_ALL: Final = 20.0  # seconds for one delivery; a connection and an answer have 4 each in Apprise
_SAID: Final = ("WARNING", "ERROR", "CRITICAL")  # levels of what Apprise logs that tell why a message did not arrive
_SHORTEST: Final = 4  # characters of a part of an address that could be a secret


class Receiver:
    """A Notifier that hands messages of at least the severity `least` to the service of one Apprise
    URL, which is looked up in `environment` for each message.
    """

    def __init__(self, name: str, environment: Mapping[str, str], clock: Clock, least: Severity = Severity.INFO) -> None:
        self.name = f"receiver {name}"
        self._receiver = name
        self._environment = environment
        self._clock = clock
        self._least = least

    def notify(self, notification: Notification) -> None:
        """Raises Transient when the service took no message three times in a row, BadInput when
        there is no such address, or no Apprise.
        """
        if notification.severity.rank >= self._least.rank:
            address = address_of(self._receiver, self._environment)
            deliver_again(self._clock, lambda: self._deliver(address, notification))

    def _deliver(self, address: str, notification: Notification) -> None:
        service = self._service(address)
        title = f"{notification.severity.value}: {printable(notification.summary)}"
        try:
            answered = service.notify(
                body=_body(notification), title=title, notify_type=_KINDS[notification.severity], body_format="text", timeout=_ALL
            )
            said = [entry.message for entry in answered.logs() if entry.level in _SAID]
        except Exception as error:  # what a service's own code raises is a message that did not arrive
            answered, said = None, [f"{type(error).__name__}: {error}"]
        if not answered:
            words = printable(without_address("; ".join(map(str, said)) or "it gave no reason", address), _LONGEST)
            raise Transient(f"{self.name} took no message: {words}")

    def _service(self, address: str) -> "Apprise":
        try:
            from apprise import Apprise, AppriseAsset
        except ModuleNotFoundError as error:
            raise BadInput(
                f"{self.name} cannot be told: Apprise is not installed; expected the extra notify (modelmedic[notify])"
            ) from error
        asset = AppriseAsset(
            app_id="modelmedic",
            app_desc="modelmedic",
            app_url="",
            image_url_mask="",
            image_url_logo="",
            async_mode=False,
            storage_mode="memory",
        )
        asset.http_redirects = False  # a message goes to the named address or nowhere
        logging.getLogger("apprise").propagate = False  # it logs parts of addresses
        service = Apprise(asset=asset)
        if not service.add(address):
            raise BadInput(f"{self.name} has an address that Apprise does not read; expected one URL, such as mailto://… or slack://…")
        return service


def variable(name: str) -> str:
    """The environment variable that holds a receiver's address: on-call →
    MODELMEDIC_NOTIFY_ON_CALL.
    """
    return f"{FOLDER}_{name.upper().replace('-', '_')}"


def address_of(name: str, environment: Mapping[str, str]) -> str:
    """The Apprise URL of a receiver. Raises BadInput when neither a variable nor a file has it."""
    named, folder = environment.get(variable(name)), environment.get(FOLDER)
    if named:
        return named.strip()
    file = Path(folder) / name if folder else None
    try:
        found = file.read_text(encoding="utf-8").strip() if file else ""
    except (OSError, ValueError):
        found = ""
    if not found:
        where = f" and {file} is not to be read" if file else ""
        raise BadInput(f"receiver {name} has no address: {variable(name)} is not set{where}; expected an Apprise URL there")
    return found


def without_address(text: str, address: str) -> str:
    """The text without any part of the address, whatever the service made of it, and without
    secrets.
    """
    secret = address.partition("://")[2]
    parts = {part for form in (secret, unquote(secret)) for part in re.split(r"[^A-Za-z0-9._%+~-]+", form)}
    for part in sorted((part for part in parts if len(part) >= _SHORTEST), key=len, reverse=True):
        text = text.replace(part, REDACTED)
    return redact_text(text)


def _body(notification: Notification) -> str:
    return "\n".join(_lines(notification))


def _lines(notification: Notification) -> Iterator[str]:
    about = f" ({notification.incident})" if notification.incident else ""
    yield f"{printable(notification.to)}: {printable(notification.summary)}{about}"
    if notification.description:
        yield printable(notification.description)
    for name, link in notification.links.items():
        yield f"{name}: {printable(link)}"
