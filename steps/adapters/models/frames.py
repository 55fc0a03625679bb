"""Arrow tables as the pandas frames that training functions and models take."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.policy import Policy


def features(table: pa.Table, policy: Policy) -> pd.DataFrame:
    """The policy's features in its order: float64 with NaN, and texts with None. Raises BadInput
    when a feature is missing or is not numeric.
    """
    absent = [name for name in policy.features if name not in table.column_names]
    if absent:
        raise BadInput(f"column {absent[0]} is not among the rows; expected every feature of the policy ({', '.join(policy.features)})")
    numbers = {name: _numbers(table[name], name) for name in policy.data.numeric}
    return pd.DataFrame({**numbers, **{name: _texts(table[name]) for name in policy.data.categorical}})


def training_frame(table: pa.Table, policy: Policy) -> pd.DataFrame:
    """The features, the target as float64 and the time in UTC, one row per labelled row, by
    time.
    """
    frame = features(table, policy)
    frame[policy.data.target] = _numbers(table[policy.data.target], policy.data.target)
    if policy.data.time in table.column_names:
        frame[policy.data.time] = table[policy.data.time].to_pandas()
        frame = frame.sort_values(policy.data.time, kind="stable", ignore_index=True)
    return frame


def _numbers(column: pa.ChunkedArray, name: str) -> np.ndarray:
    try:
        return np.asarray(pc.cast(column, pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise BadInput(f"column {name} holds {column.type} that cannot be read as numbers ({str(error).splitlines()[0][:80]})") from error


def _texts(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(pc.cast(column, pa.string()).to_numpy(zero_copy_only=False), dtype=object)
