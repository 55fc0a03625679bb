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

from modelmedic.steps.adapters.models.plain_files import read_json, read_plain
from modelmedic.steps.contracts.errors import BadInput

_LARGEST = 4 << 20  # bytes of an MLmodel file; its signature names every column
_LARGEST_EXAMPLE = 64 << 20
_MADE_UP = {"string": "", "binary": "", "boolean": False, "datetime": "2000-01-01T00:00:00Z"}


@dataclass(frozen=True, slots=True)
class ModelInput:
    """One column of the model's signature; `kind` is MLflow's word: double, long, string, boolean,
    …
    """

    name: str
    kind: str
    required: bool = True


class _Loader(yaml.SafeLoader):
    """Without merge keys (`<<`), a few of which make a small file into any number of values."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        if any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value):
            raise yaml.YAMLError("a merge key (<<)")


def read_folder(folder: Path) -> dict[str, Any]:
    """The MLmodel document. Raises BadInput when there is none, or none with flavors."""
    try:
        document = yaml.load(read_plain(folder / "MLmodel", _LARGEST), _Loader)
    except (OSError, ValueError, OverflowError, RecursionError, AttributeError, yaml.YAMLError, BadInput) as error:
        raise BadInput(f"model folder {folder} has no readable MLmodel file ({type(error).__name__}); expected an MLflow model") from error
    if not isinstance(document, dict) or not isinstance(document.get("flavors"), dict):
        raise BadInput(f"{folder / 'MLmodel'} names no flavors; expected an MLflow model")
    return document


def flavor(folder: Path, document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """One flavor of the document; empty when the model has none of that name. Raises BadInput."""
    found = document["flavors"].get(name) or {}
    if not isinstance(found, dict):
        raise BadInput(f"{folder / 'MLmodel'} has a {type(found).__name__} for the flavor {name}; expected its settings")
    return found


def signature(document: Mapping[str, Any]) -> tuple[ModelInput, ...]:
    """The model's columns; empty when it was saved without a signature, or with one of tensors,
    which name no columns. Raises BadInput for one that cannot be read.
    """
    try:
        columns = json.loads((document.get("signature") or {}).get("inputs") or "[]")
        if any("name" not in column or column.get("type") == "tensor" for column in columns):
            return ()
        return tuple(ModelInput(str(c["name"]), str(c["type"]), bool(c.get("required", True))) for c in columns)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(f"the model's signature cannot be read ({type(error).__name__}); expected columns as MLflow writes them") from error


def example_file(document: Mapping[str, Any]) -> str:
    """The name of the file of the input example; empty without one."""
    info = document.get("saved_input_example_info")
    return Path(str(info.get("artifact_path") or "")).name if isinstance(info, dict) else ""


def example(folder: Path, document: Mapping[str, Any]) -> pa.Table | None:
    """The input example that the model was saved with; None for one that cannot be read."""
    info: Any = document.get("saved_input_example_info")
    name = example_file(document)
    if not name or info.get("type") != "dataframe" or info.get("pandas_orient") != "split":
        return None
    try:
        plain = read_json(folder / name, _LARGEST_EXAMPLE)
        return pa.table({str(name): pa.array([row[at] for row in plain["data"]]) for at, name in enumerate(plain["columns"])})
    except (OSError, ValueError, KeyError, TypeError, IndexError, OverflowError, AttributeError, pa.ArrowException, BadInput):
        return None


def own_rows(folder: Path) -> pa.Table:
    """Rows that the model must be able to answer: its example, or one made up from its
    signature.
    """
    document = read_folder(folder)
    found = example(folder, document)
    return found if found is not None else pa.table({i.name: [_MADE_UP.get(i.kind, 0.0)] for i in signature(document)})
