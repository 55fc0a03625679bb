"""Models of LightGBM and XGBoost in the formats of those libraries, which need no unpickling.
Either library is imported by its name when such a model is met: this program does not bring them.

What scikit-learn's interface wraps goes another way where skops saves it: pipelines, and LightGBM's
estimators, whose state is LightGBM's own text. XGBoost's own estimators and the boosters of both
are files of their libraries. One limit: both libraries read such a file in compiled code, and a
crafted one can crash the process that reads it.
"""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from modelmedic.steps.contracts.errors import BadInput

# What skops may build of them: estimators and boosters, and what holds their parameters.
TRUSTED: Final = frozenset(
    {
        "collections.OrderedDict",
        "lightgbm.basic.Booster",
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMRegressor",
        "xgboost.core.Booster",
        "xgboost.sklearn.XGBClassifier",
        "xgboost.sklearn.XGBRegressor",
    }
)
LIBRARIES: Final = ("lightgbm", "xgboost")
_NATIVE: Final = {  # by the class as an MLmodel file names it: the flavor
    "lightgbm.basic.Booster": "lightgbm",
    "xgboost.core.Booster": "xgboost",
    "xgboost.sklearn.XGBClassifier": "xgboost",
    "xgboost.sklearn.XGBRegressor": "xgboost",
}
Answers = Callable[[Any], Any]  # a frame to one number per row, or one column per class


def native_flavor(model: Any) -> str | None:
    """The MLflow flavor that saves this model as a file of its own library; None for any other."""
    kind = type(model)
    return _NATIVE.get(f"{kind.__module__}.{kind.__qualname__}")


def save_native(model: Any, folder: Path, flavor: str, common: Mapping[str, Any]) -> None:
    saver = importlib.import_module(f"mlflow.{flavor}")
    saver.save_model(model, str(folder), **common)


def load_native(folder: Path, flavor: str, config: Mapping[str, Any]) -> Answers:
    """The model of that flavor, read by its library. Raises BadInput for one that is not native, or
    cannot be read here.
    """
    kind = str(config.get("model_class", f"{flavor}.{'basic' if flavor == 'lightgbm' else 'core'}.Booster"))
    if _NATIVE.get(kind) != flavor:
        raise BadInput(
            f"model folder {folder} has a {kind[:80]} of {flavor}; expected one of {', '.join(n for n in _NATIVE if flavor in n)}"
        )
    library, file = library_of(flavor), str(folder / Path(str(config.get("data", "model"))).name)
    try:
        if flavor == "lightgbm":
            return _lightgbm(library.Booster(model_file=file))
        if kind == "xgboost.core.Booster":
            return _xgboost(library, library.Booster(model_file=file))
        model = getattr(library, kind.rpartition(".")[2])()
        model.load_model(file)
        return model.predict_proba if hasattr(model, "predict_proba") else model.predict  # type: ignore[no-any-return]
    except Exception as error:  # each library has errors of its own
        raise BadInput(f"model file {file} cannot be read with this environment's {flavor}: {str(error).splitlines()[0][:200]}") from error


def library_of(name: str) -> Any:
    """The library. Raises BadInput where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise BadInput(
            f"the model needs {name}, which is not installed here; expected it where models are trained, judged and served "
            "(docs/install.md, Packages of your own)"
        ) from error


def _lightgbm(booster: Any) -> Answers:
    names = booster.feature_name()

    def ask(frame: Any) -> np.ndarray:
        return np.asarray(booster.predict(frame[names] if set(names) <= set(frame.columns) else frame))

    return ask


def _xgboost(library: Any, booster: Any) -> Answers:
    names, best = booster.feature_names, booster.attr("best_iteration")
    trees = (0, int(best) + 1) if best is not None else (0, 0)

    def ask(frame: Any) -> np.ndarray:
        rows = library.DMatrix(frame[names] if names else frame, enable_categorical=True)
        return np.asarray(booster.predict(rows, iteration_range=trees))

    return ask
