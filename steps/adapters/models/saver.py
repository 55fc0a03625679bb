"""The result of a training function, saved as the MLflow model folder that is judged, registered
and served. Called by the training process.
"""

import logging
import shutil
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from modelmedic.steps.adapters.models.boosters import LIBRARIES, native_flavor, save_native
from modelmedic.steps.adapters.models.loader import trusts
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.words import Task

_EXAMPLE_ROWS = 5


def save(model: Any, folder: Path, policy: Policy, rows: pd.DataFrame) -> Path:
    """Save a model as a folder. `model` is a fitted scikit-learn estimator, a model of LightGBM or
    XGBoost, a path to a ready MLflow model, or anything that `mlflow.pyfunc` takes.

    `rows` has the features that it learnt from; a few of them go along as the input example. An
    estimator is saved with skops, which needs no unpickling, and pickled where skops does not know
    a part of it. Raises BadInput when the model is none of these.
    """
    if isinstance(model, str | Path):
        return _copied(Path(model), folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's hints on integer columns and environments do not apply here
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        return _saved(model, folder, policy, rows[list(policy.features)].head(_EXAMPLE_ROWS))


def unpickles(model: Any) -> bool:
    """True for what a training function returned when only pickling can save it."""
    if isinstance(model, str | Path) or native_flavor(model) is not None:
        return False
    from sklearn.base import BaseEstimator

    return not (isinstance(model, BaseEstimator) and _trusted(model) is not None)


def estimator(folder: Path) -> Any:
    """The scikit-learn estimator in a model folder that was judged before. Raises BadInput when it
    holds none.
    """
    import mlflow.sklearn
    from mlflow.exceptions import MlflowException

    try:
        return mlflow.sklearn.load_model(str(folder))
    except MlflowException as error:
        raise BadInput(f"model folder {folder} holds no scikit-learn model that can be read ({_line(error)})") from error


def signature(policy: Policy) -> Any:
    """The signature of a policy's features: each a double or a string that may be missing, because
    an integer column gets nulls sooner or later and is a double then.
    """
    from mlflow.models.signature import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    numbers = [ColSpec(DataType.double, name, required=False) for name in policy.data.numeric]
    codes = [ColSpec(DataType.string, name, required=False) for name in policy.data.categorical]
    return ModelSignature(inputs=Schema([*numbers, *codes]))


def _copied(ready: Path, folder: Path) -> Path:
    if not (ready / "MLmodel").is_file():
        raise BadInput(f"train returned the path {ready}, which has no MLmodel file; expected an MLflow model folder")
    return Path(shutil.copytree(ready, folder, symlinks=True))


def _saved(model: Any, folder: Path, policy: Policy, example: pd.DataFrame) -> Path:
    import mlflow.pyfunc
    from mlflow.exceptions import MlflowException
    from sklearn.base import BaseEstimator

    common = {"signature": signature(policy), "input_example": example}
    native = native_flavor(model)
    if native is not None:
        save_native(model, folder, native, {**common, "pip_requirements": _pins(native, "pandas")})
        return folder
    if isinstance(model, BaseEstimator) and hasattr(model, "predict"):
        return _estimator(model, folder, policy, common)
    try:
        mlflow.pyfunc.save_model(str(folder), python_model=model, pip_requirements=_pins("mlflow"), **common)
    except (MlflowException, TypeError) as error:
        raise BadInput(
            f"train returned a {type(model).__name__}, which MLflow cannot save ({_line(error)}); expected a fitted "
            "scikit-learn estimator, an mlflow.pyfunc.PythonModel or the path of an MLflow model folder"
        ) from error
    return folder


def _estimator(model: Any, folder: Path, policy: Policy, common: dict[str, Any]) -> Path:
    import mlflow.sklearn
    from mlflow.exceptions import MlflowException

    answers = "predict_proba" if policy.data.task is Task.BINARY and hasattr(model, "predict_proba") else "predict"
    trusted = _trusted(model)
    boosters = [name for name in LIBRARIES if any(kind.startswith(f"{name}.") for kind in trusted or ())]
    common = {**common, "pyfunc_predict_fn": answers, "pip_requirements": _pins("scikit-learn", "skops", "pandas", *boosters)}
    if trusted is not None:
        mlflow.sklearn.save_model(model, str(folder), serialization_format="skops", skops_trusted_types=list(trusted), **common)
        return folder
    try:
        mlflow.sklearn.save_model(model, str(folder), serialization_format="cloudpickle", **common)
    except (MlflowException, TypeError, AttributeError) as error:
        raise BadInput(f"train returned a {type(model).__name__}, which cannot be saved: {_line(error)}") from error
    return folder


def _trusted(model: Any) -> Sequence[str] | None:
    """The parts of the model that skops does not trust by itself and the loader takes; None when
    the model has others.
    """
    import skops.io

    try:
        found = skops.io.get_untrusted_types(data=skops.io.dumps(model))
    except Exception:  # skops raises many kinds for a type that it does not know
        return None
    return found if all(trusts(kind) for kind in found) else None


def _pins(*packages: str) -> list[str]:
    """Pins of the installed packages, for people who load the model elsewhere; MLflow's own guess
    imports the model in a new process.
    """
    return [f"{package}=={version(package)}" for package in packages]


def _line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
