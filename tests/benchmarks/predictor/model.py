"""A model of the size of the flights example: gradient boosting on five numbers and four codes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

NUMBERS = tuple(f"x{n}" for n in range(5))
CODES = tuple(f"c{n}" for n in range(4))


def rows(count: int, seed: int = 0) -> pa.Table:
    """Requests' rows with their time, a minute apart."""
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {name: rng.normal(size=count) for name in NUMBERS}
    columns |= {name: rng.choice([f"code-{n}" for n in range(20)], count) for name in CODES}
    start = np.datetime64("2013-03-01T00:00:00", "us")
    return pa.table({**columns, "at": pa.array(start + np.arange(count) * np.timedelta64(60, "s"), pa.timestamp("us", tz="UTC"))})


def write_model(folder: Path) -> Path:
    import skops.io
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    frame: pd.DataFrame = rows(20_000, seed=1).to_pandas()
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    encoded = make_column_transformer((encoder, list(CODES)), remainder="passthrough")
    label = (frame["x0"] + (frame["c0"] == "code-3") + np.random.default_rng(2).normal(size=len(frame)) > 0).astype(int)
    model = make_pipeline(encoded, HistGradientBoostingClassifier(max_iter=100)).fit(frame[[*NUMBERS, *CODES]], label)
    folder.mkdir(parents=True)
    skops.io.dump(model, folder / "model.skops")
    trusted = skops.io.get_untrusted_types(file=folder / "model.skops")
    columns = [{"type": "double", "name": name} for name in NUMBERS] + [{"type": "string", "name": name} for name in CODES]
    flavor = {"pickled_model": "model.skops", "serialization_format": "skops", "skops_trusted_types": trusted}
    document = {"flavors": {"sklearn": flavor}, "signature": {"inputs": json.dumps(columns)}}
    (folder / "MLmodel").write_text(json.dumps(document))
    return folder
