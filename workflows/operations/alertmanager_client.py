"""Alerts handed to an Alertmanager."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Final

from modelmedic.steps.contracts.errors import BadInput, Transient

_SECONDS: Final = 10


def poster(url: str) -> Callable[[list[dict[str, object]]], None]:
    """Posts to `<url>/api/v2/alerts`. Raises BadInput for another scheme than http or https,
    Transient when nobody answers.
    """
    if not url.startswith(("http://", "https://")):
        raise BadInput(f"Alertmanager is {url[:80]!r}; expected http://… or https://…")

    def post(alerts: list[dict[str, object]]) -> None:
        body = json.dumps(alerts).encode()
        request = urllib.request.Request(f"{url.rstrip('/')}/api/v2/alerts", body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS):
                pass
        except (urllib.error.URLError, OSError) as error:
            raise Transient(f"Alertmanager at {url} does not take the test alert: {error}") from error

    return post
