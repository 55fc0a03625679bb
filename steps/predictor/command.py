"""A predictor's life: load, answer a prediction of its own, serve, and write the rest of the log at
the end.
"""

import json
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelmedic.steps.adapters.streams import redact_output
from modelmedic.steps.contracts.errors import ModelmedicError
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.predictor.options import Options, parse

if TYPE_CHECKING:
    from modelmedic.steps.predictor.inference import ServedModel
    from modelmedic.steps.predictor.inference_log import InferenceLog

_GRACE = 18.0  # seconds for the log at a stop, after 6 for the requests under way; a pod has 30 in all, 5 of them before it is told
_say = logging.getLogger("modelmedic.predictor")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 stopped, 65 the folder is no usable model, 77 it needs unpickling that nobody
    allowed, 78 bad policy.
    """
    redact_output()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    try:
        options = parse(sys.argv[1:] if arguments is None else arguments)
    except ModelmedicError as error:
        _say.error("%s", error)
        return error.exit_code
    try:
        return run(options)
    except ModelmedicError as error:
        _say.error("%s", error)
        _announce(options.announce, {"error": str(error)})
        return error.exit_code


def run(options: Options) -> int:
    """Load, serve, end; the exit code. A model that cannot be served is refused before KServe is
    imported.
    """
    from modelmedic.steps.adapters.models.loader import ALLOW_PICKLE, load_model
    from modelmedic.steps.predictor.columns import Columns
    from modelmedic.steps.predictor.inference import ServedModel

    options = _with_policy(options)
    model = load_model(options.model_dir, options.task, allow_pickle=options.allow_pickle)
    if model.unpickled:
        _say.warning("model %s runs what its maker wrote (%s); %s allows it", options.model_dir, model.format, ALLOW_PICKLE)
    answering = ServedModel(model, Columns(options.time_column, options.numeric, options.categorical), strict=options.strict)
    _say.info("version %s of %s (%s) answered a prediction of its own", options.version, options.model_name, model.format)
    return _serve(options, answering, model.format, model.unpickled)


def _serve(options: Options, answering: "ServedModel", how: str, unpickled: bool) -> int:
    from modelmedic.steps.adapters.kserve.server import serve
    from modelmedic.steps.predictor.inference_log import LogCounts
    from modelmedic.steps.predictor.metrics import Identity, Metrics
    from modelmedic.steps.predictor.predictor import LoggingPredictor

    log = _log(options, answering) if options.log_store else None
    known = options.about.model if options.about else options.model_name
    identity = Identity(known, options.version, options.digest, how, unpickled)
    predictor = LoggingPredictor(
        options.model_name,
        identity,
        answering,
        Metrics(identity, log.counts if log else LogCounts),
        log,
        time=options.time_column,
        served_by=options.served_by,
        role_from_header=options.role_from_header,
    )
    try:
        serve(predictor, host=options.host, port=options.port, started=_announcer(options.announce), flushable=options.flushable)
    finally:
        if log:
            log.close(_GRACE)
    return 0


def _log(options: Options, answering: "ServedModel") -> "InferenceLog":
    from modelmedic.steps.predictor.inference_log import InferenceLog, LogSettings

    settings = LogSettings(
        prefix=options.log_prefix or f"inference-log/{options.model_name}",
        version=options.version,
        features=answering.logged,
        time=options.time_column,
        rows=options.log_rows,
        seconds=options.log_seconds,
        memory=options.log_memory_mb << 20,
    )
    return InferenceLog(_opener(str(options.log_store)), settings)


def _with_policy(options: Options) -> Options:
    if options.policy is None:
        return _with_about(options)
    from modelmedic.steps.adapters.policy.file import load_policy

    policy = load_policy(options.policy)
    data = policy.data
    return replace(
        options,
        time_column=data.time,
        numeric=data.numeric,
        categorical=data.categorical,
        task=data.task,
        log_prefix=options.log_prefix or policy.log_prefix,
    )


def _with_about(options: Options) -> Options:
    """The options with a deployment's facts where the command line is silent."""
    said = options.about
    if said is None:
        return options
    return replace(
        options,
        time_column=options.time_column or said.time,
        numeric=options.numeric or said.numeric,
        categorical=options.categorical or said.categorical,
        task=options.task or said.task,
        log_prefix=options.log_prefix or said.log_prefix,
    )


def _opener(url: str) -> Callable[[], ObjectStore]:
    """A function that opens the store without its probe: every key here is this process's own, and
    a predictor may write below its prefix alone.
    """

    def opened() -> ObjectStore:
        from modelmedic.steps.adapters.store.by_url import open_store

        return open_store(url, read_only=True)

    return opened


def _announcer(file: Path | None) -> Callable[[int], None]:
    return lambda port: _announce(file, {"port": port})


def _announce(file: Path | None, facts: Mapping[str, Any]) -> None:
    """Tell the process that started this one where it answers, or why it never will. The file
    appears whole.
    """
    if file is None:
        return
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.write_text(json.dumps({"pid": os.getpid(), **facts}))
    fresh.replace(file)
