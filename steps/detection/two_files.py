"""A verdict and a diagnosis from two files, without a policy, a registry or a cluster. Called by
the commands detect and diagnose.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from modelmedic.steps.adapters.tables.profile_reader import RowFile, open_rows, read_profiles
from modelmedic.steps.adapters.tables.read import read_table
from modelmedic.steps.contracts.detection import Roles, Thresholds, Verdict
from modelmedic.steps.core.detection.verdict import judge_profiles
from modelmedic.steps.core.profiles.layout_choice import check_roles, choose_layout, expect_task, recognise_roles

if TYPE_CHECKING:  # a diagnosis imports scipy, which a verdict does without
    from modelmedic.steps.contracts.decision import Decision
    from modelmedic.steps.contracts.diagnosis import Context, Diagnosis


def detect_files(reference: Path, current: Path, roles: Roles) -> Verdict:
    """The differences between two files of any size, every row counted; memory depends on the
    columns alone.

    Raises BadInput with one sentence about the file or the column that is wrong.
    """
    return detect_rows(open_rows(reference), open_rows(current), roles)


def detect_rows(reference: RowFile, current: RowFile, roles: Roles) -> Verdict:
    """The same of rows that are open already, on disk or in memory."""
    roles = recognise_roles(roles, reference.names)
    check_roles(roles, reference.names, current.names)
    sample = reference.sample()
    expect_task(sample, roles)
    layout = choose_layout(sample, roles, reference.bounds())
    before, after = read_profiles(layout, reference, current)
    return judge_profiles(before, after, Thresholds())


def diagnose_files(reference: Path, current: Path, roles: Roles, context: "Context") -> "tuple[Diagnosis, Decision]":
    """The cause of the difference, and the remedy by the default rules; large files are thinned."""
    return diagnose_tables(read_table(reference)[0], read_table(current)[0], roles, context)


def diagnose_tables(reference: pa.Table, current: pa.Table, roles: Roles, context: "Context") -> "tuple[Diagnosis, Decision]":
    """The same of two tables in memory."""
    from modelmedic.steps.core.decision.rules import decide
    from modelmedic.steps.core.diagnosis.diagnosis import find_cause

    expect_task(reference, roles)
    diagnosis = find_cause(reference, current, recognise_roles(roles, reference.column_names), context)
    return diagnosis, decide(diagnosis)
