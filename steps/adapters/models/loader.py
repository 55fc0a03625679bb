"""A model folder of MLflow loaded for serving, without unpickling unless an operator has said that
its maker is trusted.

MLflow puts every format behind MLFLOW_ALLOW_PICKLE_DESERIALIZATION, skops among them, because the
list of types that skops may build comes from the model itself (mlflow/sklearn/__init__.py, 3.17).
Here the list is ours: scikit-learn's own classes, the estimators of LightGBM and XGBoost, and the
types that skops trusts anyway. Such a model needs neither the flag nor MLflow, whose import takes
longer than everything else a predictor does; nor does a file of LightGBM's or XGBoost's own.

Trees are checked after loading (trees.py), because scikit-learn does not check their node numbers
(skops 0.16, UNTRUSTED_TYPE_REASONS). One limit: its other compiled parts, such as the vectors of an
SVM, are asked as they are, and a crafted one can crash the process that asks it.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from modelmedic.steps.adapters.models.boosters import LIBRARIES, TRUSTED, library_of, load_native
from modelmedic.steps.adapters.models.folder import ModelInput, example, flavor, read_folder, signature
from modelmedic.steps.adapters.models.trees import check_trees
from modelmedic.steps.contracts.errors import BadInput, Refused
from modelmedic.steps.contracts.words import Task

ALLOW_PICKLE = "MODELMEDIC_ALLOW_PICKLE"  # the environment variable that says so
SAVED_WITHOUT = "train what skops can save (scikit-learn, LightGBM and XGBoost, pipelines of them)"
_MLFLOW_FLAG = "MLFLOW_ALLOW_PICKLE_DESERIALIZATION"
_OWN_CLASS = re.compile(r"sklearn(\.\w+)*\.[A-Z]\w*")  # a class by its name: functions are never taken on a model's word
# What imputers and native categories of scikit-learn hold beside its classes. A partial is no more
# than its function, which skops asks about by itself.
_HARMLESS = frozenset({"numpy.dtype", "functools.partial", "sklearn.utils.validation.check_array"})


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model ready to be asked. `ask` takes a pandas frame and returns one number per row: the
    positive class's probability, or the value.
    """

    ask: Callable[[Any], np.ndarray]
    inputs: tuple[ModelInput, ...]  # empty when the model was saved without a signature
    example: pa.Table | None  # rows that the model was saved with
    format: str  # how it was read, such as sklearn/skops
    unpickled: bool  # whether bytes or code of the model's maker ran


def load_model(folder: Path, task: Task | None = None, *, allow_pickle: bool = False) -> LoadedModel:
    """Load the model of a folder. Raises BadInput when the folder is no MLflow model or cannot be
    read, Refused when it needs unpickling without a permission.
    """
    document = read_folder(folder)
    sklearn = flavor(folder, document, "sklearn")
    if sklearn.get("serialization_format") == "skops" and not sklearn.get("code"):
        ask, unpickled = _skops(folder, sklearn, task, allow_pickle)
        shape = "sklearn/skops"
    elif (native := next((name for name in LIBRARIES if name in document["flavors"]), "")) and not _is_pickled(folder, document, native):
        answers = load_native(folder, native, flavor(folder, document, native))
        ask, unpickled, shape = (lambda frame: one_number(answers(frame), len(frame))), False, f"{native}/native"
    else:
        ask, unpickled = _pyfunc(folder, document, task, allow_pickle)
        shape = next((name for name in document["flavors"] if name != "python_function"), "python_function")
    return LoadedModel(ask, signature(document), example(folder, document), shape, unpickled)


def _is_pickled(folder: Path, document: Mapping[str, Any], name: str) -> bool:
    """True for a model of a boosting library that is no file of the library's own, or that brings
    code.
    """
    config = flavor(folder, document, name)
    return Path(str(config.get("data", ""))).suffix in (".pkl", ".skops") or bool(config.get("code"))


def _permit(folder: Path, allowed: bool, why: str) -> None:
    if not allowed:
        raise Refused(
            f"model folder {folder} {why}, which runs what its maker wrote; {SAVED_WITHOUT}, or set {ALLOW_PICKLE}=true "
            "where the maker is trusted"
        )


def _skops(folder: Path, config: Mapping[str, Any], task: Task | None, allowed: bool) -> tuple[Callable[[Any], np.ndarray], bool]:
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    path = folder / Path(str(config.get("pickled_model", "model.skops"))).name
    named = config.get("skops_trusted_types") or ()
    wanted = [str(kind) for kind in named] if isinstance(named, list | tuple) else []
    strangers = [kind for kind in wanted if not trusts(kind)]
    for library in {kind.partition(".")[0] for kind in wanted} & set(LIBRARIES):
        library_of(library)
    if strangers:
        _permit(folder, allowed, f"has the type {strangers[0]} in it")
    try:
        model = skops.io.load(path, trusted=wanted)
        check_trees(model)
        return _native(model, task), bool(strangers)
    except BadInput:
        raise
    except UntrustedTypesFoundException as error:
        raise Refused(f"model folder {folder} has types in it that its MLmodel file does not name: {error}") from error
    except Exception as error:
        raise BadInput(f"model file {path} cannot be read with this environment's scikit-learn and skops: {error}") from error


def trusts(kind: str) -> bool:
    """True when skops may build this type in our process, whoever wrote the model."""
    return bool(_OWN_CLASS.fullmatch(kind)) or kind in _HARMLESS or kind in TRUSTED


def _native(model: Any, task: Task | None) -> Callable[[Any], np.ndarray]:
    if task is not Task.REGRESSION and hasattr(model, "predict_proba"):
        return lambda frame: one_number(model.predict_proba(frame), len(frame))
    return lambda frame: one_number(model.predict(frame), len(frame))


def _pyfunc(folder: Path, document: Mapping[str, Any], task: Task | None, allowed: bool) -> tuple[Callable[[Any], np.ndarray], bool]:
    config = flavor(folder, document, "python_function")
    if not config:
        raise BadInput(f"{folder / 'MLmodel'} has no python_function flavor; expected one that can be served")
    brings_code = bool(config.get("code") or config.get("model_code_path")) or not str(config.get("loader_module")).startswith("mlflow.")
    if brings_code:
        _permit(folder, allowed, "brings Python code of its own")
    model, unpickled = _opened(folder, allowed)
    classifies = task is not Task.REGRESSION and "sklearn" in document["flavors"] and config.get("predict_fn", "predict") == "predict"
    raw = model.get_raw_model() if classifies else None
    if raw is not None and hasattr(raw, "predict_proba"):
        return _native(raw, task), brings_code or unpickled
    return lambda frame: one_number(model.predict(frame), len(frame)), brings_code or unpickled


def _opened(folder: Path, allowed: bool) -> tuple[Any, bool]:
    """The pyfunc model, and whether MLflow had to unpickle for it: the first attempt forbids
    that.
    """
    import mlflow.pyfunc
    from mlflow.exceptions import MlflowException

    for pickles in (False, True):
        try:
            with _flag(pickles):
                return mlflow.pyfunc.load_model(str(folder)), pickles
        except MlflowException as error:
            if _MLFLOW_FLAG not in str(error):
                raise BadInput(f"model folder {folder} cannot be loaded by MLflow: {error}") from error
            _permit(folder, allowed, "is pickled")
        except Exception as error:
            raise BadInput(f"model folder {folder} cannot be loaded here: {type(error).__name__}: {error}") from error
    raise AssertionError("not reached: the second round either loads or raises")


@contextmanager
def _flag(pickles: bool) -> Iterator[None]:
    before = os.environ.get(_MLFLOW_FLAG)
    os.environ[_MLFLOW_FLAG] = "true" if pickles else "false"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_MLFLOW_FLAG]
        else:
            os.environ[_MLFLOW_FLAG] = before


def one_number(answers: Any, rows: int) -> np.ndarray:
    """float64 of shape (rows,). Of two columns the second is taken: scikit-learn's positive class.
    Raises ValueError otherwise.
    """
    values = np.asarray(answers, dtype=np.float64)
    if values.ndim == 2 and values.shape[1] in (1, 2):
        values = values[:, -1]
    if values.shape != (rows,):
        raise ValueError(f"the model answered the shape {values.shape} to {rows} rows; expected one number per row")
    return values
