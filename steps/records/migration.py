"""The formats of everything that a store keeps, and the one thing that a new version writes into an
old store; called by `modelmedic migrate`.

Documents are read in every format that there ever was, so none of them is written again. A trail
whose last record has an earlier format gets one more record, `store.migrated`: its hash rule is
the present one, and it binds the earlier records by theirs.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic_core import from_json

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.formats import DOCUMENTS, Document, NewerFormat, document_at, format_of
from modelmedic.steps.contracts.keys import audit_head_key, audit_key
from modelmedic.steps.contracts.ports import Clock, ObjectStore
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.known_models import by_hash

EVENT = "store.migrated"


@dataclass(frozen=True, slots=True)
class Kept:
    """The number of documents of one kind in each format."""

    document: Document
    formats: dict[int, int]


@dataclass(frozen=True, slots=True)
class Found:
    """`others` counts rows, models and pages; each of `unreadable` is a sentence; `behind` are the
    models whose trail ends in an earlier format.
    """

    kept: tuple[Kept, ...]
    others: int
    unreadable: tuple[str, ...]
    behind: tuple[str, ...]


def find(store: ObjectStore) -> Found:
    """Count what the store holds. Reads every document and changes nothing."""
    formats: dict[Document, Counter[int]] = {document: Counter() for document in DOCUMENTS}
    others, unreadable = 0, []
    for key in store.list(""):
        document = document_at(key)
        if document is None:
            others += 1
            continue
        try:
            formats[document][_format(store, key)] += 1
        except BadInput as error:
            unreadable.append(str(error))
    kept = tuple(Kept(document, dict(sorted(counted.items()))) for document, counted in formats.items() if counted)
    return Found(kept, others, tuple(unreadable), tuple(_behind(store)))


def migrate(store: ObjectStore, clock: Clock, actor: str, found: Found) -> None:
    """Append `store.migrated` to each trail that ends in an earlier format. Running twice appends
    nothing more.

    Raises BadInput, before anything is written, when a document cannot be read.
    """
    if found.unreadable:
        raise BadInput(found.unreadable[0])
    facts = {kept.document.name: {str(number): count for number, count in kept.formats.items()} for kept in found.kept}
    for model in found.behind:
        AuditTrail(store, model, clock, actor).append(EVENT, facts={"formats": facts})


def _format(store: ObjectStore, key: str) -> int:
    try:
        return format_of(from_json(store.get(key).data), key)
    except ValueError as error:
        raise BadInput(f"object {key} is no JSON document ({error})") from error


def _behind(store: ObjectStore) -> Iterator[str]:
    for hashed, model in sorted(by_hash(store).items()):
        records = [key for key in store.list(audit_key(hashed)) if key != audit_head_key(hashed)]
        newest = document_at(audit_key(hashed, 1))
        if model is None or newest is None or not records:
            continue
        try:
            if _format(store, records[-1]) < newest.newest:
                yield model
        except NewerFormat:
            continue
