"""Messages on the terminal: one line, and the description beneath it."""

from typing import TYPE_CHECKING

from modelmedic.steps.adapters.notify.texts import printable
from modelmedic.steps.contracts.errors import Transient
from modelmedic.steps.contracts.notification import Notification, Severity

if TYPE_CHECKING:
    from rich.console import Console

_STYLES = {Severity.INFO: "green", Severity.WARNING: "yellow", Severity.CRITICAL: "bold red"}


class TerminalNotifier:
    """A Notifier that writes to `console`, by default one on stderr; rich leaves colours out for
    NO_COLOR and where there is no terminal.
    """

    def __init__(self, console: "Console | None" = None) -> None:
        self._given = console

    def notify(self, notification: Notification) -> None:
        """Raises Transient when the terminal is gone."""
        from rich.text import Text

        line = Text(f"{notification.severity.value:8} ", style=_STYLES[notification.severity])
        line.append(f"{printable(notification.to)}: {printable(notification.summary)}", style="default")
        if notification.incident:
            line.append(f" ({printable(notification.incident)})", style="dim")
        for extra in (notification.description, *(f"{name}: {link}" for name, link in notification.links.items())):
            if extra:
                line.append(f"\n         {printable(extra)}", style="dim")
        try:
            self._console().print(line, soft_wrap=True)
        except OSError as error:
            raise Transient(f"the terminal takes no message ({error.strerror or error})") from error

    def _console(self) -> "Console":
        from rich.console import Console

        self._given = self._given or Console(stderr=True, highlight=False)
        return self._given
