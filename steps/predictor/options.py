"""The command line of a predictor."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelmedic.steps.adapters.predictor.config import ABOUT, About, from_environment
from modelmedic.steps.contracts.words import Task

POLICY = "MODELMEDIC_POLICY"  # a policy's file, where --policy is not given


@dataclass(frozen=True, slots=True)
class Options:
    model_name: str
    model_dir: Path
    version: str
    digest: str
    served_by: str
    role_from_header: bool
    policy: Path | None
    about: About | None  # what a deployment says in place of a policy
    time_column: str | None
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    task: Task | None
    strict: bool
    log_store: str | None
    log_prefix: str | None
    log_rows: int
    log_seconds: float
    log_memory_mb: int
    host: str
    port: int
    announce: Path | None
    flushable: bool
    allow_pickle: bool


def parse(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Options:
    """The options of a command line. Ends the process with 2 for a wrong one. Raises BadInput for
    an environment that no deployment of ours wrote.
    """
    from modelmedic.steps.adapters.models.loader import ALLOW_PICKLE

    said = vars(_parser().parse_args(arguments))
    for column in ("numeric", "categorical"):
        said[column] = tuple(said[column])
    said["task"] = Task(said["task"]) if said["task"] else None
    if said["policy"] is None and environment.get(POLICY):
        said["policy"] = Path(environment[POLICY])
    return Options(**said, about=from_environment(environment), allow_pickle=environment.get(ALLOW_PICKLE, "").lower() == "true")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m modelmedic.steps.predictor", description="Serve one model version over KServe's V1 and V2."
    )
    add = parser.add_argument
    add("--model-name", required=True, help="the name under which it answers")
    add("--model-dir", type=Path, required=True, help="an MLflow model folder")
    add("--version", required=True, help="named in every answer")
    add("--digest", default="", help="of the model's files, named in every answer")
    add(
        "--served-by",
        choices=("champion", "canary", "unknown"),
        default="champion",
        help="the role that is logged; unknown where it changes without this process being told, as in a cluster",
    )
    add("--role-from-header", action="store_true", help="take the role from x-modelmedic-served-by, where only a gateway can set it")
    add("--policy", type=Path, help=f"takes columns, task and log prefix from it; default ${POLICY}, else what ${ABOUT} says")
    add("--time-column", help="each row's own time; without a policy")
    add("--numeric", action="append", default=[], metavar="COLUMN", help="without a policy; repeatable")
    add("--categorical", action="append", default=[], metavar="COLUMN", help="without a policy; repeatable")
    add("--task", choices=[task.value for task in Task], help="without a policy")
    add(
        "--strict",
        action="store_true",
        help="refuse a request without a column that the signature requires; by default the column is null for it and the model "
        "answers if it can, so that data that broke upstream is seen in the log instead of being lost",
    )
    add("--log-store", metavar="URL", help="where requests and answers are logged: a folder, file:///… or s3://…")
    add("--log-prefix", help="below it; default is the policy's, else inference-log/<model name>")
    add("--log-rows", type=int, default=5000, help="so many rows are written at once")
    add("--log-seconds", type=float, default=5.0, help="or what came in this long")
    add("--log-memory-mb", type=int, default=64, help="that may wait while the store is away; then the oldest are dropped and counted")
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=8080, help="0 takes a free one")
    add("--announce", type=Path, metavar="FILE", help="written with process id and port once it answers")
    add("--flushable", action="store_true", help="open POST /modelmedic/flush")
    return parser
