"""The metadata of an MLflow model folder, read without MLflow: its flavors, its signature and a few
rows of its own.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from modelmedic.steps.contracts.errors import BadInput

_MADE_UP = {"string": "", "binary": "", "boolean": False, "datetime": "2000-01-01T00:00:00Z"}


@dataclass(frozen=True, slots=True)
class ModelInput:
    """One column of the model's signature; `kind` is MLflow's word: double, long, string, boolean,
    …
    """

    name: str
    kind: str
    required: bool = True


def read_folder(folder: Path) -> dict[str, Any]:
    """The MLmodel document. Raises BadInput when there is none, or none with flavors."""
    try:
        document = yaml.safe_load((folder / "MLmodel").read_text())
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(f"model folder {folder} has no readable MLmodel file ({type(error).__name__}); expected an MLflow model") from error
    if not isinstance(document, dict) or not isinstance(document.get("flavors"), dict):
        raise BadInput(f"{folder / 'MLmodel'} names no flavors; expected an MLflow model")
    return document


def signature(document: Mapping[str, Any]) -> tuple[ModelInput, ...]:
    """The model's columns; empty when it was saved without a signature, or with one of tensors,
    which name no columns.
    """
    columns = json.loads((document.get("signature") or {}).get("inputs") or "[]")
    if any("name" not in column or column.get("type") == "tensor" for column in columns):
        return ()
    return tuple(ModelInput(str(c["name"]), str(c["type"]), bool(c.get("required", True))) for c in columns)


def example(folder: Path, document: Mapping[str, Any]) -> pa.Table | None:
    """The input example that the model was saved with."""
    info = document.get("saved_input_example_info") or {}
    if info.get("type") != "dataframe" or info.get("pandas_orient") != "split":
        return None
    try:
        plain = json.loads((folder / Path(str(info["artifact_path"])).name).read_text())
        return pa.table({str(name): pa.array([row[at] for row in plain["data"]]) for at, name in enumerate(plain["columns"])})
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def own_rows(folder: Path) -> pa.Table:
    """Rows that the model must be able to answer: its example, or one made up from its
    signature.
    """
    document = read_folder(folder)
    found = example(folder, document)
    return found if found is not None else pa.table({i.name: [_MADE_UP.get(i.kind, 0.0)] for i in signature(document)})
