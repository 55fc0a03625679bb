"""The audit trail's chain: how one record is bound to the one before, and whether a stored trail
still is what was written.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from modelmedic.steps.contracts.audit import Record
from modelmedic.steps.contracts.codec import decode, encode, sha256
from modelmedic.steps.contracts.keys import audit_head_key, audit_key, model_hash

GENESIS = "0" * 64  # what the first record names as its predecessor


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as it is stored: `hash` is the sha256 of the record's canonical text."""

    hash: str
    record: Record


@dataclass(frozen=True, slots=True)
class Head:
    """How far the trail went when it was last written to."""

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at one place of a trail. A harmless one is what a crash leaves behind."""

    sequence: int
    sentence: str
    harmless: bool = False


def seal(record: Record) -> Entry:
    return Entry(sha256(encode(record)), record)


def follows(entry: Entry, before: Head) -> bool:
    """Whether the entry is whole and the next one after `before`."""
    record = entry.record
    return seal(record).hash == entry.hash and (record.sequence, record.previous) == (before.sequence + 1, before.hash)


def faults(model: str, objects: Iterable[tuple[str, bytes]]) -> list[Fault]:
    """Every fault among `objects`, the keys and bytes of everything under the model's audit folder,
    in any order.
    """
    hashed = model_hash(model)
    stored = dict(objects)
    head = stored.pop(audit_head_key(hashed), None)
    length = _length(hashed, stored)
    strangers = sorted(set(stored) - {audit_key(hashed, n) for n in range(1, length + 1)})
    found = [Fault(0, f"object {key} is no record of this trail; it was put there by somebody else") for key in strangers]
    entries: dict[int, Entry] = {}
    for number in range(1, length + 1):
        entry, sentence = _entry(number, stored.get(audit_key(hashed, number)))
        if entry is not None:
            entries[number] = entry
            sentence = sentence or _misplaced(model, number, entry, entries.get(number - 1))
        if sentence:
            found.append(Fault(number, sentence))
    return found + list(_head_faults(head, length, entries))


def _length(hashed: str, stored: dict[str, bytes]) -> int:
    """The highest number that has a record's name, so that a gap shows; one far beyond all others
    is an invention.
    """
    folder = audit_key(hashed)
    names = [key.removeprefix(folder).removesuffix(".json") for key in stored]
    numbers = sorted(int(name) for name in names if len(name) == 8 and name.isascii() and name.isdigit() and int(name))
    while numbers and numbers[-1] > 2 * len(numbers) + 1:
        numbers.pop()
    return numbers[-1] if numbers else 0


def _entry(number: int, data: bytes | None) -> tuple[Entry | None, str]:
    if data is None:
        return None, f"record {number} is missing"
    try:
        entry = decode(Entry, data)
    except ValidationError:
        return None, f"record {number} cannot be read; it was changed after it was written"
    if encode(entry) != data or seal(entry.record).hash != entry.hash:
        return entry, f"record {number} was changed after it was written; its hash does not fit its content"
    return entry, ""


def _misplaced(model: str, number: int, entry: Entry, before: Entry | None) -> str:
    record = entry.record
    expected = GENESIS if number == 1 else before.hash if before else record.previous  # a gap was reported already
    if record.model != model:
        return f"record {number} belongs to model {record.model}; expected {model}"
    if record.sequence != number:
        return f"record {number} calls itself {record.sequence}; it was moved or inserted"
    if record.previous != expected:
        return f"record {number} does not follow record {number - 1}; one of the two was replaced or inserted"
    return ""


def _head_faults(data: bytes | None, length: int, entries: dict[int, Entry]) -> Iterator[Fault]:
    if data is None:
        if length:
            yield Fault(length, f"head.json is missing with {length} records in the trail", harmless=length == 1)
        return
    try:
        head = decode(Head, data)
    except ValidationError:
        head = None
    if head is None or encode(head) != data:
        yield Fault(length, "head.json cannot be read; it was changed after it was written")
        return
    named = entries.get(head.sequence)
    if head.sequence > length:
        yield Fault(length, f"the trail ends at record {length} and head.json says {head.sequence}; its end was dropped")
    elif named is not None and named.hash != head.hash:
        yield Fault(head.sequence, f"record {head.sequence} is not the one that head.json names; one of the two was changed")
    elif head.sequence < length:
        behind = f"head.json is at record {head.sequence} and the trail ends at {length}"
        crash = head.sequence == length - 1
        yield Fault(length, f"{behind}; {'a writer was killed between the two' if crash else 'it was set back'}", crash)
