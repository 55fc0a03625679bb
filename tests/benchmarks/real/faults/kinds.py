"""All kinds of faults and of changes that are none."""

from typing import Final

from tests.benchmarks.real.faults.column_faults import COLUMN_FAULTS
from tests.benchmarks.real.faults.label_faults import LABEL_FAULTS
from tests.benchmarks.real.faults.planting import Fault
from tests.benchmarks.real.faults.release_faults import RELEASE_FAULTS
from tests.benchmarks.real.faults.row_faults import ROW_FAULTS
from tests.benchmarks.real.faults.world_changes import WORLD_CHANGES

KINDS: Final[tuple[Fault, ...]] = (*COLUMN_FAULTS, *ROW_FAULTS, *LABEL_FAULTS, *RELEASE_FAULTS, *WORLD_CHANGES)
