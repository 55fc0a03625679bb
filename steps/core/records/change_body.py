"""A change event as a stranger's program posts it, taken apart as hostile text. Called by the entry
point `note-change`.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from modelmedic.steps.contracts.change import ChangeEvent
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.window import utc
from modelmedic.steps.contracts.words import ChangeKind

MOST_BYTES: Final = 16_384  # of a body; the EventSource refuses larger ones itself
_MOST_COLUMNS: Final = 50
_KEYS: Final = ("at", "what", "kind", "model", "all_models", "columns", "by", "link")
_MODEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def read_change(body: bytes) -> ChangeEvent:
    """The event of one JSON object with the keys `at`, `what`, and `model` or `all_models`; `kind`,
    `columns`, `by` and `link` may be left out. Raises BadInput.
    """
    document = _document(body)
    for key in document:
        if key not in _KEYS:
            raise BadInput(f"the change has the key {_shown(key)}; expected some of {', '.join(_KEYS)}")
    texts = {name: _text(document, name) for name in ("what", "by", "link")}
    return ChangeEvent(_moment(document), _kind(document), texts["what"], _model(document), _columns(document), texts["by"], texts["link"])


def _document(body: bytes) -> Mapping[str, Any]:
    if len(body) > MOST_BYTES:
        raise BadInput(f"the change has {len(body)} bytes; expected at most {MOST_BYTES}")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"the change is no JSON ({type(error).__name__}); expected an object such as docs/feeding.md shows") from error
    if not isinstance(found, dict):
        raise BadInput(f"the change is a JSON {type(found).__name__}; expected an object such as docs/feeding.md shows")
    return found


def _moment(document: Mapping[str, Any]) -> datetime:
    """`at` has to be said: only then does the same change that arrives twice count once."""
    value = document.get("at")
    try:
        return utc(datetime.fromisoformat(value if isinstance(value, str) else ""))
    except (ValueError, OverflowError) as error:
        raise BadInput(f"at of the change is {_shown(value)}; expected when it took effect, such as 2026-05-04T11:00:00Z") from error


def _kind(document: Mapping[str, Any]) -> ChangeKind:
    value = document.get("kind", ChangeKind.JOB.value)
    known = [kind.value for kind in ChangeKind]
    if value not in known:
        raise BadInput(f"kind of the change is {_shown(value)}; expected one of {', '.join(known)}")
    return ChangeKind(value)


def _model(document: Mapping[str, Any]) -> str | None:
    """None for a change of all models, which has to be said."""
    value, every = document.get("model"), document.get("all_models", False)
    if every is True and value is None:
        return None
    if every is not False or not isinstance(value, str) or not _MODEL.fullmatch(value):
        raise BadInput(f"model of the change is {_shown(value)}; expected the name of a policy, or all_models: true without a model")
    return value


def _columns(document: Mapping[str, Any]) -> tuple[str, ...]:
    value = document.get("columns", [])
    if not isinstance(value, list) or len(value) > _MOST_COLUMNS or not all(isinstance(each, str) for each in value):
        raise BadInput(f"columns of the change are {_shown(value)}; expected a list of at most {_MOST_COLUMNS} names")
    return tuple(value)


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name, "")
    if not isinstance(value, str):
        raise BadInput(f"{name} of the change is {_shown(value)}; expected a text")
    return value


def _shown(value: object) -> str:
    return repr(value)[:60]
