"""An opinion from two files: no policy, no registry, no cluster."""

import dataclasses
from pathlib import Path
from typing import Any

import pyarrow as pa

from steps.adapters.tables import read_table
from steps.contracts.decision import Decision
from steps.contracts.detection import Roles, Thresholds, Verdict
from steps.contracts.diagnosis import Context, Diagnosis
from steps.core.decision import decide
from steps.core.diagnosis import diagnose
from steps.core.pairing import pair
from steps.core.verdict import judge

_WELL_KNOWN = {"version": ("model_version",), "id": ("request_id",)}


def detect_files(reference: Path, current: Path, roles: Roles) -> Verdict:
    """What differs between two files. Raises BadInput with one sentence about the file or the column that is wrong."""
    first, second, sizes = _tables(reference, current)
    verdict = judge(pair(first, second, recognised(roles, first)), Thresholds())
    return dataclasses.replace(verdict, reference_rows=sizes[0], rows=sizes[1])


def diagnose_files(reference: Path, current: Path, roles: Roles, context: Context) -> tuple[Diagnosis, Decision]:
    """Why they differ, and what the default rules make of it."""
    first, second, _ = _tables(reference, current)
    diagnosis = diagnose(first, second, recognised(roles, first), context)
    return diagnosis, decide(diagnosis)


def recognised(roles: Roles, table: pa.Table) -> Roles:
    """The roles with well-known column names filled in where nothing was said."""
    found: dict[str, Any] = {
        role: next((name for name in names if name in table.column_names), None)
        for role, names in _WELL_KNOWN.items()
        if getattr(roles, role) is None
    }
    return dataclasses.replace(roles, **found)


def _tables(reference: Path, current: Path) -> tuple[pa.Table, pa.Table, tuple[int, int]]:
    (first, before), (second, after) = read_table(reference), read_table(current)
    return first, second, (before, after)
