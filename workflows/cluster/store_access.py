"""The rights of each step class in the object store, as S3 policies by prefix: the loop's records
are out of reach of training code.

Nobody may delete: records, models and quarantine are only ever added to.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from modelmedic.steps.contracts.policy import Policy
from modelmedic.workflows.inputs.platform import Platform

_RECORDS: Final = ("incidents/", "audit/", "outbox/", "probe/")
_TOLD: Final = ("reports/", "notifications/")
_MEASURES: Final = ("reference/*/profile-*.json", "reference/*/thresholds-*.json")  # worked out from a reference, which stays as it is
LOGS, LABELS = "<inference log>", "<labels>"


@dataclass(frozen=True, slots=True)
class Access:
    """Prefixes; `None` reads everything."""

    reads: tuple[str, ...] | None
    writes: tuple[str, ...]
    why: str


ACCESS: Final[dict[str, Access]] = {
    "observe": Access(
        None,
        (
            *_RECORDS,
            *_TOLD,
            *_MEASURES,
            "acknowledged/",
            "ageing/",
            "comparisons/",
            "fleet/",
            "hours/",
            "policies/",
            "quarantine/",
            "verdicts/",
        ),
        "reads logs and labels, writes records",
    ),
    "train": Access(
        (
            *("incidents/", "policies/", "snapshots/", "quarantine/", "reference/", "models/", "bootstrap/", "candidates/", "probe/"),
            *(LOGS, LABELS),
        ),
        ("candidates/", "snapshots/", "incidents/*/stages/retrain.json", "probe/"),
        "runs the user's code: a candidate comes out, and the note that it did",
    ),
    "validate": Access(
        None,
        (*_RECORDS, *_TOLD, "leases/", "models/", "reference/", "snapshots/"),
        "vouches for a candidate by copying it to models/, keeps its reference, and asks people for approval with the incident's page",
    ),
    "deploy": Access(None, (*_RECORDS, *_TOLD, "leases/", "policies/", "releases/"), "changes what serves, and records it"),
    "triage": Access(
        (*_RECORDS, "ageing/", "changes/", "policies/", "verdicts/"),
        (*_RECORDS, "changes/"),
        "opens incidents, notes changes beside models",
    ),
    "predictor": Access(("models/",), (LOGS,), "loads a model, logs requests and answers"),
}


def store_policies(policies: Iterable[Policy], platform: Platform) -> dict[str, str]:
    """An S3 policy document for each class, by its file's name."""
    wanted = list(policies)
    logs = sorted({f"{policy.log_prefix}/" for policy in wanted})
    labels = sorted({f"{policy.labels_prefix}/" for policy in wanted})
    bucket, _, below = platform.services.store.removeprefix("s3://").partition("/")
    named = {LOGS: logs, LABELS: labels}
    return {f"{name}.json": json.dumps(_document(access, bucket, below, named), indent=2) + "\n" for name, access in ACCESS.items()}


def _document(access: Access, bucket: str, below: str, named: dict[str, list[str]]) -> dict[str, Any]:
    reads = [""] if access.reads is None else _expanded(access.reads, named)
    statements = [
        {"Sid": "List", "Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": [f"arn:aws:s3:::{bucket}"]},
        {"Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": _resources(reads, bucket, below)},
        {
            "Sid": "Write",
            "Effect": "Allow",
            "Action": ["s3:PutObject", "s3:AbortMultipartUpload"],
            "Resource": _resources(_expanded(access.writes, named), bucket, below),
        },
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _expanded(prefixes: Iterable[str], named: dict[str, list[str]]) -> list[str]:
    return [each for prefix in prefixes for each in named.get(prefix, [prefix])]


def _resources(prefixes: Iterable[str], bucket: str, below: str) -> list[str]:
    root = f"arn:aws:s3:::{bucket}/" + (f"{below}/" if below else "")
    return [f"{root}{prefix}" if prefix.endswith(".json") else f"{root}{prefix}*" for prefix in sorted(prefixes)]
