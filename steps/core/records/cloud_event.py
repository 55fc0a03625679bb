"""An audit record as an event of CloudEvents 1.0, for receivers outside of the loop;
docs/what-happened.md lists the attributes. Called by records/outbox.
"""

from typing import Any, Final
from urllib.parse import quote

from modelmedic.steps.contracts.audit import Phase
from modelmedic.steps.contracts.codec import to_plain
from modelmedic.steps.contracts.redaction import redact_texts
from modelmedic.steps.core.records.chain import Entry

TYPE: Final = "io.modelmedic."
_DONE: Final = (Phase.NOTE, Phase.OUTCOME)


def cloud_event(entry: Entry) -> dict[str, Any]:
    """The event in JSON's structured form. Its id is the record's hash, so that a record that is
    sent again is the same event.

    Attributes without a value are left out. An intent or a failure says so in its type, so that
    nobody takes it for something that happened.
    """
    record = entry.record
    event = {
        "specversion": "1.0",
        "id": entry.hash,
        "source": f"/modelmedic/{quote(record.model, safe='')}",
        "type": f"{TYPE}{record.event}" + ("" if record.phase in _DONE else f".{record.phase.value}"),
        "subject": record.incident,
        "time": to_plain(record.at),
        "datacontenttype": "application/json",
        "sequence": f"{record.sequence:08d}",
        "phase": record.phase.value,
        "actor": record.actor,
        "effectkey": record.key,
        "fence": record.fence,
    }
    stated = {name: value for name, value in event.items() if value is not None and value != ""}
    return {**redact_texts(stated), "data": redact_texts(to_plain(dict(record.facts)))}
