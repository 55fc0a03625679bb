"""Messages kept: as JSON lines in a file of this machine, or as one object each in the store, where
the incident report finds them.
"""

import os
from pathlib import Path

from modelmedic.steps.contracts.codec import canonical, sha256, to_plain
from modelmedic.steps.contracts.errors import Conflict, Transient
from modelmedic.steps.contracts.formats import encoded
from modelmedic.steps.contracts.keys import notification_key
from modelmedic.steps.contracts.notification import Notification
from modelmedic.steps.contracts.ports import ObjectStore


class FileNotifier:
    """A Notifier that appends one JSON line a message to `path`; several processes may share the
    file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def notify(self, notification: Notification) -> None:
        """Raises Transient when the file takes no more."""
        line = encoded(notification, notification_key(notification.model, notification.incident, "line")) + b"\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                if os.write(descriptor, line) != len(line):  # one write to the end of a file is not mixed with another's
                    raise OSError("the line was cut")
            finally:
                os.close(descriptor)
        except OSError as error:
            raise Transient(f"file {self._path} takes no message ({error.strerror or error})") from error


class StoreNotifier:
    """A Notifier that keeps each message once per incident, so that a stage which runs again does
    not repeat itself.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def notify(self, notification: Notification) -> None:
        """Raises StoreError when it cannot be written."""
        said = to_plain(notification)
        if notification.incident is not None:
            said.pop("at")  # the same words about the same incident are the same message
            said["links"] = {}  # wherever they led to at the time
        key = notification_key(notification.model, notification.incident, sha256(canonical(said))[:32])
        try:
            self._store.create(key, encoded(notification, key))
        except Conflict:
            return
