"""A real scikit-learn model folder, as MLflow lays it out, made without MLflow's import."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.worlds.serving import SIGNATURE


def trained(seed: int = 0) -> Any:
    """A pipeline on a number `x` and a code `c` that answers NaN with an error and unseen codes
    without.
    """
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"x": rng.normal(size=200), "c": rng.choice(["a", "b"], 200)})
    encoded = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["c"]), remainder="passthrough")
    return make_pipeline(encoded, LogisticRegression()).fit(frame, (frame["x"] + rng.normal(size=200) > 0).astype(int))


def write(folder: Path, model: Any, trusted: tuple[str, ...] = (), flavor: dict[str, Any] | None = None) -> Path:
    """`flavor` replaces the sklearn flavor's entries."""
    folder.mkdir(parents=True)
    skops.io.dump(model, folder / "model.skops")
    sklearn = {"pickled_model": "model.skops", "serialization_format": "skops", "skops_trusted_types": list(trusted), "code": None}
    (folder / "MLmodel").write_text(
        json.dumps(
            {
                "flavors": {
                    "python_function": {"loader_module": "mlflow.sklearn", "model_path": "model.skops", "predict_fn": "predict"},
                    "sklearn": {**sklearn, **(flavor or {})},
                },
                "signature": {"inputs": SIGNATURE},
                "saved_input_example_info": {"artifact_path": "input_example.json", "type": "dataframe", "pandas_orient": "split"},
            }
        )
    )
    (folder / "input_example.json").write_text(json.dumps({"columns": ["x", "c"], "data": [[0.5, "a"], [-0.5, "b"]]}))
    return folder
