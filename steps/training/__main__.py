"""One training in a process of its own: `python -m modelmedic.steps.training --data=train.parquet
--policy=policy.json --out=DIR`.

Writes the model to DIR/model and a report to DIR/report.json, whose `error` is null or one
sentence. The traceback of a training function that failed goes to stderr.
"""

import argparse
import importlib
import inspect
import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from modelmedic.steps.contracts.errors import BadInput, ModelmedicError, Refused
from modelmedic.steps.contracts.policy import Policy

_CHECKED_ROWS = 50
_TRIED_ROWS = 300  # of many, on which a training function shows what kind of model it returns
_CLOSED = "; training code reads its rows and its packages alone, and MODELMEDIC_TRAINING_PATHS may name more (docs/security.md)"
_WEIGHTS = ("weight", "sample_weight")  # a training function with a parameter of such a name gets the rows' weights by it


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when there is a model, else the error's, which is 1 for a fault in the training
    function.
    """
    options = _parser().parse_args(arguments)
    error, code = None, 0
    try:
        _train(options)
    except ModelmedicError as reason:
        error, code = str(reason), reason.exit_code
    except BaseException as reason:  # anything that the user's code raises, SystemExit too
        traceback.print_exc()
        hint = _CLOSED if isinstance(reason, PermissionError) else ""
        error, code = f"{type(reason).__name__}: {reason}{hint}", 1
    (options.out / "report.json").write_text(json.dumps({"error": error}))
    if error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m modelmedic.steps.training", description="Train one model and leave its folder; registration is another step."
    )
    parser.add_argument("--data", type=Path, required=True, help="labelled rows, Parquet")
    parser.add_argument("--policy", type=Path, required=True, help="the policy, JSON")
    parser.add_argument("--out", type=Path, required=True, help="folder for the model and the report")
    parser.add_argument("--recalibrate", type=Path, help="model folder whose answers are corrected, instead of a new training")
    parser.add_argument("--unpickled", action="store_true", help="refuse a function whose models only pickling can save, after a few rows")
    parser.add_argument("--halving", type=float, help="days of age after which a row counts half; all rows count alike without it")
    return parser


def _train(options: argparse.Namespace) -> None:
    import pyarrow.parquet as pq

    from modelmedic.steps.adapters.models.frames import training_frame
    from modelmedic.steps.adapters.models.recalibrated import recalibrated
    from modelmedic.steps.adapters.models.saver import estimator, save

    policy = Policy.model_validate_json(options.policy.read_bytes())
    frame = training_frame(pq.read_table(options.data), policy)
    rows = frame[list(policy.features)]
    if options.recalibrate:
        model = recalibrated(estimator(options.recalibrate), rows, frame[policy.data.target].to_numpy(), policy.data.task)
    else:
        train = entrypoint(policy.retrain.entrypoint)
        if options.unpickled and policy.retrain.entrypoint != "builtin":
            _expect_unpickled(train, frame, policy, options.halving)
        model = _taught(train, frame, policy, options.halving)
    folder = save(model, options.out / "model", policy, rows)
    _check(folder, rows.tail(_CHECKED_ROWS), policy)


def _expect_unpickled(train: Callable[..., Any], frame: Any, policy: Policy, halving: float | None) -> None:
    """Try the function on a few rows of many, and raise Refused when its model would be a pickle.
    What fails on so few rows is left to the whole training to say.
    """
    from modelmedic.steps.adapters.models.loader import ALLOW_PICKLE, SAVED_WITHOUT
    from modelmedic.steps.adapters.models.saver import unpickles

    try:
        model = _taught(train, frame.iloc[:: max(1, len(frame) // _TRIED_ROWS)].reset_index(drop=True), policy, halving)
    except Exception as error:
        print(f"a trial on {_TRIED_ROWS} rows failed ({type(error).__name__}: {error}); all rows are tried", file=sys.stderr)  # noqa: T201
        return
    if unpickles(model):
        raise Refused(
            f"it returns {type(model).__name__}, which only pickling can save, and models are served without unpickling: "
            f"{SAVED_WITHOUT}, or set {ALLOW_PICKLE}=true where its maker is trusted"
        )


def _taught(train: Callable[..., Any], frame: Any, policy: Policy, halving: float | None) -> Any:
    """The model of the training function. One that has a parameter `weight` or `sample_weight` gets
    the rows' weights by it, shape (rows,); any other one gets rows drawn by their weights, as many
    as these are worth.
    """
    import numpy as np

    from modelmedic.steps.core.training.weighting import drawn, halved, worth

    name = next((name for name in _WEIGHTS if name in _parameters(train)), None)
    if halving is None:
        return train(frame, policy, **({name: np.ones(len(frame))} if name else {}))
    times = frame[policy.data.time]
    weight = halved((times.max() - times).dt.total_seconds().to_numpy() / 86_400.0, halving)
    if name is not None:
        return train(frame, policy, **{name: weight})
    return train(frame.iloc[drawn(weight, worth(weight))].reset_index(drop=True), policy)


def _parameters(train: Callable[..., Any]) -> tuple[str, ...]:
    """The names of the function's parameters; none for one that does not tell, such as a built-in
    one.
    """
    try:
        return tuple(inspect.signature(train).parameters)
    except (TypeError, ValueError):
        return ()


def entrypoint(name: str) -> Callable[..., Any]:
    """The function that `retrain.entrypoint` names. Raises BadInput when there is none."""
    if name == "builtin":
        from modelmedic.steps.adapters.models.builtin import train

        return train
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # a module that the user's module imports: the traceback says more than a sentence of ours
        raise BadInput(f"retrain.entrypoint is {name}; there is no module {module} in {Path.cwd()} or in this environment") from error
    except AttributeError as error:
        raise BadInput(f"retrain.entrypoint is {name}; module {module} has no {function}") from error
    if not callable(found):
        raise BadInput(f"retrain.entrypoint is {name}, which is a {type(found).__name__}; expected a function train(frame, policy)")
    return found  # type: ignore[no-any-return]


def _check(folder: Path, rows: Any, policy: Policy) -> None:
    """Raises BadInput unless the model answers rows that it learnt from with one number each."""
    import numpy as np

    from modelmedic.steps.adapters.models.loader import load_model

    try:
        answers = load_model(folder, policy.data.task, allow_pickle=True).ask(rows)
    except ModelmedicError:
        raise
    except Exception as error:
        raise BadInput(f"the trained model cannot answer the rows that it learnt from: {type(error).__name__}: {error}") from error
    if not np.isfinite(answers).all():
        raise BadInput("the trained model answers rows that it learnt from with nulls or infinities; expected one number per row")


if __name__ == "__main__":
    sys.exit(main())
