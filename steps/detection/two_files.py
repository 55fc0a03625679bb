"""A verdict and a diagnosis from two files, without a policy, a registry or a cluster. Called by
the commands detect and diagnose.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from modelmedic.steps.adapters.tables.profile_reader import open_rows, read_profiles
from modelmedic.steps.adapters.tables.read import read_table
from modelmedic.steps.contracts.detection import Roles, Thresholds, Verdict
from modelmedic.steps.core.detection.verdict import judge_profiles
from modelmedic.steps.core.profiles.layout_choice import check_roles, choose_layout, recognise_roles

if TYPE_CHECKING:  # a diagnosis imports scipy, which a verdict does without
    from modelmedic.steps.contracts.decision import Decision
    from modelmedic.steps.contracts.diagnosis import Context, Diagnosis


def detect_files(reference: Path, current: Path, roles: Roles) -> Verdict:
    """The differences between two files of any size, every row counted; memory depends on the
    columns alone.

    Raises BadInput with one sentence about the file or the column that is wrong.
    """
    first, second = open_rows(reference), open_rows(current)
    roles = recognise_roles(roles, first.names)
    check_roles(roles, first.names, second.names)
    layout = choose_layout(first.sample(), roles, first.bounds())
    before, after = read_profiles(layout, first, second)
    return judge_profiles(before, after, Thresholds())


def diagnose_files(reference: Path, current: Path, roles: Roles, context: "Context") -> "tuple[Diagnosis, Decision]":
    """The cause of the difference, and the remedy by the default rules."""
    from modelmedic.steps.core.decision.rules import decide
    from modelmedic.steps.core.diagnosis.diagnosis import find_cause

    first, second, _ = _tables(reference, current)
    diagnosis = find_cause(first, second, recognise_roles(roles, first.column_names), context)
    return diagnosis, decide(diagnosis)


def _tables(reference: Path, current: Path) -> tuple[pa.Table, pa.Table, tuple[int, int]]:
    (first, before), (second, after) = read_table(reference), read_table(current)
    return first, second, (before, after)
