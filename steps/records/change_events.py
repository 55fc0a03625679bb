"""The inbox of change events: one object for each, under the time at which the change took effect,
so that what changed around a moment is one short listing.
"""

from collections.abc import Iterator
from dataclasses import replace

from modelmedic.steps.contracts.change import LONGEST, ChangeEvent
from modelmedic.steps.contracts.codec import canonical, sha256, to_plain
from modelmedic.steps.contracts.errors import BadInput, ModelmedicError
from modelmedic.steps.contracts.formats import parse
from modelmedic.steps.contracts.keys import change_key
from modelmedic.steps.contracts.ports import Clock, ObjectStore
from modelmedic.steps.contracts.window import Window, utc
from modelmedic.steps.records.documents import keep

_MOST = 200  # events of one span and folder that are read, the newest of them


def note_change(store: ObjectStore, clock: Clock, event: ChangeEvent) -> tuple[str, bool]:
    """Keep the event; its key, and whether it is new. A job that is tried again notes the same
    change once.

    Raises BadInput for a text that is empty, of several lines, or too long.
    """
    checked(event)
    at = utc(event.at)
    digest = sha256(canonical(to_plain(replace(event, at=at, noted_at=None))))[:12]
    key = change_key(event.model, at, digest)
    return key, keep(store, key, replace(event, at=at, noted_at=utc(clock.now())))[1]


def changes(store: ObjectStore, model: str, span: Window) -> list[ChangeEvent]:
    """The changes of the model and of all models that took effect in the span, oldest first. An
    object that cannot be read is passed over: whoever may write here may write anything.
    """
    found = [event for scope in (model, None) for event in _of(store, scope, span)]
    return sorted(found, key=lambda event: event.at)


def _of(store: ObjectStore, scope: str | None, span: Window) -> Iterator[ChangeEvent]:
    first, last = change_key(scope, span.start).removesuffix(".json"), change_key(scope, span.end)
    keys = [key for key in store.list(change_key(scope), after=first) if key < last]
    for key in keys[-_MOST:]:
        try:
            event = parse(ChangeEvent, store.get(key).data, key)
            checked(event)
        except ModelmedicError:
            continue
        if event.at in span:
            yield event


def checked(event: ChangeEvent) -> None:
    """Raise BadInput for a text that no page or message should carry."""
    texts = {"what": event.what, "by": event.by, "link": event.link, **{f"column {name[:40]!r}": name for name in event.columns}}
    for name, text in texts.items():
        if len(text) > LONGEST or not text.isprintable():
            raise BadInput(f"{name} of the change is {text[:60]!r}; expected one line of at most {LONGEST} characters")
    if not event.what.strip():
        raise BadInput("the change says nothing of what changed; expected a sentence, such as 'orders v12: amount in euros'")
    if event.link and not event.link.startswith(("https://", "http://")):
        raise BadInput(f"the link of the change is {event.link[:60]!r}; expected one that begins with https:// or http://")
