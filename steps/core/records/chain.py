"""The audit trail's chain: the binding of each record to the bytes of the one before, and the check
of a stored trail; called by records/audit and records/verify.

A record's hash is the sha256 of its object as it lies in the store, so nothing is ever encoded
again to verify it. In the first format the object was an envelope, `{"hash":…,"record":…}`, and
the hash is the sha256 of the bytes of the record inside it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import from_json

from modelmedic.steps.contracts.audit import Record
from modelmedic.steps.contracts.codec import canonical, decode, sha256, to_plain
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.formats import FIRST, format_of, formatted
from modelmedic.steps.contracts.keys import audit_head_key, audit_key, model_hash

GENESIS = "0" * 64  # the predecessor that the first record names
_ENVELOPE = re.compile(rb'\{"hash":"([0-9a-f]{64})","record":(\{.*\})\}', re.DOTALL)


class Changed(ValueError):
    """A record of the first format whose bytes do not have the hash that is written beside them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record with its hash, by which the next one names it."""

    hash: str
    record: Record


@dataclass(frozen=True, slots=True)
class Head:
    """The last record of the trail when it was last written to: its number and its hash."""

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class ChainFault:
    """One thing that is wrong at one place of a trail. A crash leaves a harmless one behind."""

    sequence: int
    sentence: str
    harmless: bool = False


def written(record: Record) -> bytes:
    """The object that holds the record; without `documents` where it vouches for none."""
    plain = to_plain(record)
    if not record.documents:
        del plain["documents"]
    return canonical(formatted(plain, _key(record)))


def entry(data: bytes, key: str) -> Entry:
    """The record of a stored object, in whichever format.

    Raises Changed, NewerFormat, and ValueError or BadInput when the object holds no record.
    """
    plain = from_json(data)
    if format_of(plain, key) > FIRST:
        return Entry(sha256(data), decode(Record, data))
    envelope = _ENVELOPE.fullmatch(data)
    if envelope is None:
        raise ValueError("the envelope of a record has another shape")
    hashed, record = envelope[1].decode(), envelope[2]
    if sha256(record) != hashed:
        raise Changed
    return Entry(hashed, decode(Record, record))


def follows(entry: Entry, before: Head) -> bool:
    """True for the entry that comes next after `before`."""
    record = entry.record
    return (record.sequence, record.previous) == (before.sequence + 1, before.hash)


def faults(model: str, objects: Iterable[tuple[str, bytes]]) -> list[ChainFault]:
    """Every fault among `objects`, the keys and bytes of everything under the model's audit folder,
    in any order.
    """
    hashed = model_hash(model)
    stored = dict(objects)
    data = stored.pop(audit_head_key(hashed), None)
    length = _length(hashed, stored)
    strangers = sorted(set(stored) - {audit_key(hashed, n) for n in range(1, length + 1)})
    found = [ChainFault(0, f"object {key} is no record of this trail; it was put there by somebody else") for key in strangers]
    entries: dict[int, Entry] = {}
    sentences: dict[int, str] = {}
    for number in range(1, length + 1):
        key = audit_key(hashed, number)
        read, sentence = _entry(number, stored.get(key), key)
        if read is not None:
            entries[number] = read
            sentence = _misplaced(model, number, read)
        if sentence:
            sentences[number] = sentence
    head = _head(data)
    _follow(length, head, entries, sentences)
    found += [ChainFault(number, sentence) for number, sentence in sorted(sentences.items())]
    return found + list(_head_faults(data, head, length, entries))


def _follow(length: int, head: Head | None, entries: dict[int, Entry], sentences: dict[int, str]) -> None:
    """Say of each record that the next one names another hash, from the end on: a record that is
    vouched for tells the truth about the one before.
    """
    if head is not None and head.sequence in entries and entries[head.sequence].hash != head.hash:
        sentences.setdefault(head.sequence, f"record {head.sequence} is not the one that head.json names; one of the two was changed")
    for number in range(length, 0, -1):
        if number not in entries:
            continue
        named = entries[number].record.previous
        if number == 1 and named != GENESIS:
            sentences.setdefault(1, "record 1 names a record before it; it was moved or changed")
        if number - 1 not in entries or named == entries[number - 1].hash:
            continue
        if number in sentences:
            sentences.setdefault(number - 1, f"record {number - 1} is not the one that record {number} names, which is at fault itself")
        else:
            sentences[number - 1] = f"record {number - 1} was changed after it was written; record {number} names another hash"


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


def _entry(number: int, data: bytes | None, key: str) -> tuple[Entry | None, str]:
    if data is None:
        return None, f"record {number} is missing"
    try:
        return entry(data, key), ""
    except Changed:
        return None, f"record {number} was changed after it was written; its hash does not fit its content"
    except BadInput as error:
        return None, f"record {number} cannot be read: {error}"
    except ValueError:
        return None, f"record {number} cannot be read; it was changed after it was written"


def _misplaced(model: str, number: int, entry: Entry) -> str:
    record = entry.record
    if record.model != model:
        return f"record {number} belongs to model {record.model}; expected {model}"
    if record.sequence != number:
        return f"record {number} calls itself {record.sequence}; it was moved or inserted"
    return ""


def _head(data: bytes | None) -> Head | None:
    """The content of head.json; None when it is missing or unreadable."""
    try:
        return decode(Head, data) if data is not None else None
    except ValidationError:
        return None


def _head_faults(data: bytes | None, head: Head | None, length: int, entries: dict[int, Entry]) -> Iterator[ChainFault]:
    if data is None:
        if length:
            yield ChainFault(length, f"head.json is missing with {length} records in the trail", harmless=length == 1)
    elif head is None:
        yield ChainFault(length, "head.json cannot be read; it was changed after it was written")
    elif head.sequence > length:
        yield ChainFault(length, f"the trail ends at record {length} and head.json says {head.sequence}; its end was dropped")
    elif head.sequence < length and (head.sequence not in entries or entries[head.sequence].hash == head.hash):
        behind = f"head.json is at record {head.sequence} and the trail ends at {length}"
        crash = head.sequence == length - 1
        yield ChainFault(length, f"{behind}; {'a writer was killed between the two' if crash else 'it was set back'}", crash)


def _key(record: Record) -> str:
    return audit_key(model_hash(record.model), record.sequence)
