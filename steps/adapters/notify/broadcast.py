"""One message to several notifiers; a notifier that fails holds up nothing, least of all a heal."""

import logging
from collections.abc import Callable, Sequence

from modelmedic.steps.contracts.errors import ModelmedicError
from modelmedic.steps.contracts.notification import Notification
from modelmedic.steps.contracts.ports import Notifier

_LOG = logging.getLogger(__name__)

Failed = Callable[[Notification, str, ModelmedicError], None]  # the message, the notifier's name, what went wrong


def _log(notification: Notification, where: str, error: ModelmedicError) -> None:
    _LOG.warning("%s of %s did not reach %s: %s", notification.event, notification.model, where, error)


class Broadcast:
    """A Notifier that tells each of `notifiers` in order; `failed` is called for each one that
    could not deliver.
    """

    def __init__(self, notifiers: Sequence[Notifier], failed: Failed = _log) -> None:
        self._notifiers = tuple(notifiers)
        self._failed = failed

    def notify(self, notification: Notification) -> None:
        """Never raises an error of ours: each failed delivery is passed to `failed`, and an error
        of `failed` is logged.
        """
        for notifier in self._notifiers:
            try:
                notifier.notify(notification)
            except ModelmedicError as error:
                self._note(notification, getattr(notifier, "name", type(notifier).__name__), error)

    def _note(self, notification: Notification, where: str, error: ModelmedicError) -> None:
        try:
            self._failed(notification, where, error)
        except ModelmedicError as worse:
            _log(notification, where, error)
            _LOG.warning("the failed delivery could not be recorded either: %s", worse)
