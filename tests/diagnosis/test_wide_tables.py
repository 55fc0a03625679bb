"""With very many columns, causes are localised in as many codes as can be asked about every column,
or in those that are named.
"""

import numpy as np
import pyarrow as pa

from modelmedic.steps.contracts.detection import Roles
from modelmedic.steps.core.tables.pairing import pair


def _wide(columns: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table({f"c{number}": rng.choice(["x", "y", "z"], 60) for number in range(columns)})


def test_every_code_of_a_usual_table_is_a_segment() -> None:
    assert len(pair(_wide(100, 0), _wide(100, 1), Roles()).segmenting) == 100


def test_segments_of_a_wide_table_are_bounded_and_named_ones_are_all_kept() -> None:
    both = pair(_wide(1_000, 0), _wide(1_000, 1), Roles())
    assert [column.name for column in both.segmenting] == [f"c{number}" for number in range(15)]
    named = tuple(f"c{number}" for number in range(500, 540))
    assert len(pair(_wide(1_000, 0), _wide(1_000, 1), Roles(segments=named)).segmenting) == 40
