"""Names in the object store: the grammar of a key, the hash of a model's name, and where each
record lives.
"""

import re
from datetime import datetime

from modelmedic.steps.contracts.codec import sha256
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.window import utc

LONGEST_KEY = 900  # bytes; S3 allows 1024, the rest is for the store's own prefix
LONGEST_SEGMENT = 200  # bytes; file systems allow 255
INCIDENT_ID = re.compile(r"(?P<model>[a-z0-9](?:[a-z0-9-]{0,45}[a-z0-9])?-[0-9a-f]{8})-(?P<epoch>[1-9][0-9]{0,5})")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}")


def check_key(key: str) -> str:
    """The key itself. Raises BadInput unless it is 1 to 900 bytes of printable segments between
    single slashes.

    No segment is empty or starts with a dot, so a key can neither climb out of a folder nor meet a
    store's own files.
    """
    sentence = f"key is {key[:80]!r}; expected printable segments of at most {LONGEST_SEGMENT} bytes between single slashes"
    if not key.isprintable() or "\\" in key:
        raise BadInput(f"{sentence}, without control characters or backslashes")
    for segment in key.split("/"):
        if not segment or segment.startswith(".") or len(segment.encode()) > LONGEST_SEGMENT:
            raise BadInput(f"{sentence}, none of them empty or starting with a dot")
    if len(key.encode()) > LONGEST_KEY:
        raise BadInput(f"{sentence}; it has {len(key.encode())} bytes and {LONGEST_KEY} are allowed")
    return key


def is_key(key: str) -> bool:
    try:
        check_key(key)
    except BadInput:
        return False
    return True


def word(kind: str, value: str) -> str:
    """A single segment that came from a caller, such as a stage's name. Raises BadInput when it is
    anything else.
    """
    if not _WORD.fullmatch(value):
        raise BadInput(f"{kind} is {value[:80]!r}; expected 1 to 100 letters, digits, dots, dashes or underscores")
    return value


def slug(text: str, longest: int = 40) -> str:
    """Lower-case letters, digits and single dashes; `model` when nothing is left."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:longest].strip("-") or "model"


def model_hash(name: str) -> str:
    """`<slug of at most 40 characters>-<8 hex digits of the name's sha256>`: readable, and unique
    for any name.
    """
    return f"{slug(name)}-{sha256(name.encode())[:8]}"


def incident_id(model: str, epoch: int) -> str:
    return f"{model_hash(model)}-{epoch}"


def incident_place(identity: str) -> tuple[str, int]:
    """The model hash and the epoch that an incident id names. Raises BadInput when the text is no
    incident id.
    """
    match = INCIDENT_ID.fullmatch(identity) if 8 <= len(identity) <= 63 else None
    if not match:
        raise BadInput(
            f"incident id is {identity[:80]!r}; expected <model>-<8 hex digits>-<number>, such as flights-1a2b3c4d-1; "
            "`modelmedic incidents` lists those there are"
        )
    return match["model"], int(match["epoch"])


def incident_key(hashed: str, epoch: int, *parts: str) -> str:
    """`hashed` is a model hash; without parts it is the folder of the incident, with its slash."""
    return "/".join((f"incidents/{hashed}/{epoch:06d}", *parts)) if parts else f"incidents/{hashed}/{epoch:06d}/"


def stage_key(hashed: str, epoch: int, stage: str) -> str:
    """The result of one stage of an incident."""
    return incident_key(hashed, epoch, "stages", f"{word('stage', stage)}.json")


def answer_key(hashed: str, epoch: int, number: int) -> str:
    return incident_key(hashed, epoch, "answers", f"{number:06d}.json")


def freeze_key(scope: str | None) -> str:
    """`scope` is a model, or None for all of them."""
    return f"control/freeze/{model_hash(scope) if scope is not None else 'all'}.json"


def fleet_key(number: int) -> str:
    """The opening of that number of the breaker over the fleet."""
    return f"fleet/{number:06d}.json"


def fleet_reset_key(number: int) -> str:
    """The word of a person that ended it: beside the freezes, where no pod may write."""
    return f"control/fleet/{number:06d}.json"


def autonomy_key(model: str, number: int) -> str:
    """The model's restore of that number, from 1, in the order in which they were given."""
    return f"control/autonomy/{model_hash(model)}/{number:06d}.json"


def quarantine_key(model: str, digest: str = "") -> str:
    return f"quarantine/{model_hash(model)}/{digest}.json" if digest else f"quarantine/{model_hash(model)}/"


def quarantine_release_key(model: str, digest: str) -> str:
    """The release of the span of that digest."""
    return f"quarantine/{model_hash(model)}/{word('span digest', digest)}/released.json"


def acknowledged_key(model: str, digest: str = "") -> str:
    return f"acknowledged/{model_hash(model)}/{digest}.json" if digest else f"acknowledged/{model_hash(model)}/"


def release_key(model: str, at: datetime | None = None, version: str = "") -> str:
    """Sorted by time, so a listing is the history."""
    folder = f"releases/{model_hash(model)}/"
    return f"{folder}{utc(at):%Y%m%dT%H%M%S.%fZ}-{slug(version)}.json" if at else folder


def change_key(model: str | None, at: datetime | None = None, digest: str = "") -> str:
    """A change event, sorted by the time of the change; without a time their folder. `model` None
    stands for all models.
    """
    folder = f"changes/{model_hash(model) if model is not None else 'all'}/"
    return f"{folder}{utc(at):%Y%m%dT%H%M%SZ}{f'-{digest}' if digest else ''}.json" if at else folder


def lease_key(model: str) -> str:
    return f"leases/{model_hash(model)}.json"


def audit_key(hashed: str, sequence: int | None = None) -> str:
    """The record's key; without a number the folder of the model's trail, with its slash."""
    return f"audit/{hashed}/{sequence:08d}.json" if sequence is not None else f"audit/{hashed}/"


def audit_head_key(hashed: str) -> str:
    return f"audit/{hashed}/head.json"


def sent_key(model: str) -> str:
    """How far the trail was sent as events."""
    return f"outbox/{model_hash(model)}/sent.json"


def reference_key(model: str, version: str, part: str) -> str:
    """A part of the reference of one model version, such as `window.parquet`."""
    return f"reference/{model_hash(model)}/{word('model version', version)}/{part}"


def verdict_key(model: str, version: str, end: datetime | None = None, policy: str = "") -> str:
    """The monitor's verdict on the window that ends at `end`, by the policy of that hash, sorted by
    time; without an end their folder. Keys of earlier versions name no policy.
    """
    folder = f"verdicts/{model_hash(model)}/{word('model version', version)}/"
    return f"{folder}{utc(end):%Y%m%dT%H%M%SZ}{f'-{policy[:8]}' if policy else ''}.json" if end else folder


def ageing_key(model: str, at: datetime | None = None) -> str:
    """The look at the ageing of a model that was made at `at`, sorted by time; without it their
    folder.
    """
    folder = f"ageing/{model_hash(model)}/"
    return f"{folder}{utc(at):%Y%m%dT%H%M%SZ}.json" if at else folder


def comparison_key(model: str, version: str, at: datetime | None = None) -> str:
    """The comparison of a version with those before it on the rows up to `at`, sorted by time;
    without it their folder.
    """
    folder = f"comparisons/{model_hash(model)}/{word('model version', version)}/"
    return f"{folder}{utc(at):%Y%m%dT%H%M%SZ}.json" if at else folder


def comparison_folder(model: str) -> str:
    """The comparisons of every version of the model."""
    return f"comparisons/{model_hash(model)}/"


def hours_key(model: str, digest: str, week: int | None = None) -> str:
    """The hours of one week since 1970, counted on the scales of the digest; without it those
    scales.
    """
    folder = f"hours/{model_hash(model)}/{word('digest', digest)}"
    return f"{folder}/{week:06d}.json" if week is not None else f"{folder}/scales.json"


def expected_losses_key(model: str) -> str:
    """The rises of the expected loss in windows before, from which it is learnt what is usual."""
    return f"hours/{model_hash(model)}/expected-losses.json"


def verdict_folder(model: str) -> str:
    """The verdicts on every version of the model."""
    return f"verdicts/{model_hash(model)}/"


def model_prefix(digest: str) -> str:
    """The folder of a model's files, by their digest."""
    return f"models/{word('model digest', digest)}"


def candidate_prefix(hashed: str, epoch: int) -> str:
    """The folder of the model that the training of one incident wrote; it passed no gate yet."""
    return f"candidates/{hashed}/{epoch:06d}"


def bootstrap_prefix(model: str) -> str:
    """The folder into which people put the labelled rows of a first champion."""
    return f"bootstrap/{model_hash(model)}/"


def snapshot_key(digest: str) -> str:
    """An immutable copy of rows that a model was trained or judged on."""
    return f"snapshots/{word('snapshot digest', digest)}.parquet"


def policy_key(digest: str) -> str:
    """A policy by its hash, so that an incident is healed by the rules that it was opened under."""
    return f"policies/{word('policy hash', digest)}.json"


def report_key(hashed: str, epoch: int, name: str) -> str:
    """An HTML page about one incident, such as `incident.html`."""
    return f"reports/{hashed}/{epoch:06d}/{name}"


def notification_key(model: str, incident: str | None, digest: str = "") -> str:
    """A message to people about one incident, or about the model itself; without a digest their
    folder.
    """
    folder = f"notifications/{model_hash(model)}/{word('incident id', incident) if incident else 'model'}/"
    return f"{folder}{digest}.json" if digest else folder
