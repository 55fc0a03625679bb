"""Training code that pries: into records, credentials, the processes above it and the network, on a
kernel with Landlock, as far as its version goes.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from modelmedic.steps.adapters.linux.landlock import WITH_SIGNALS, version
from modelmedic.steps.training.confinement import describe
from tests.adversary import prying_training
from tests.adversary.attack import HELD, Attack, Result, not_held, skipped
from tests.adversary.prying_training import SECRET

_PARENT: Final = """
import sys
from pathlib import Path
from tests.adversary.training_code import trained_by
place = Path(sys.argv[2])
place.mkdir(parents=True)
print(trained_by(f"tests.adversary.prying_training:{sys.argv[1]}", place).sentence)
"""
_REPOSITORY: Final = Path(__file__).resolve().parents[2]
_TARGETS: Final = (  # from the project, which is the working folder
    ".modelmedic/store/audit/churn/1.json",
    ".modelmedic/mlflow.db",
    ".modelmedic/work/churn/other/train.parquet",
    "state/store/incidents/1.json",
    "named-store/audit/1.json",
    "package/credentials.json",
    "mlflow.db",
    "mlruns/0/meta.yaml",
    ".env",
    ".git/config",
    "../.aws/credentials",
    "../.ssh/id_ed25519",
    "../other-project/notes.txt",
)


def attacks(seed: int) -> Iterator[Attack]:
    del seed  # nothing here is drawn
    for home in (".modelmedic", "state"):
        for target in (each for each in _TARGETS if home == "state" or not each.startswith("state/")):
            run = partial(_try, "files", home, target)
            yield Attack(f"file {target}, workspace {home}", "confinement", run, tries=len(prying_training._WAYS))
    yield Attack("processes above", "confinement", partial(_try, "processes", ".modelmedic", ""), tries=3 * len(prying_training._MEANS))
    yield Attack("surroundings", "confinement", partial(_try, "surroundings", "state", ""), tries=len(prying_training._SURROUNDINGS))


def _try(function: str, home: str, target: str, folder: Path) -> Result:
    if version() < WITH_SIGNALS:
        return skipped(f"training is {describe()}")
    project = folder / "project"
    for each in _TARGETS:
        _planted(project / each)
    with ExitStack() as opened:
        port, abstract = _listening(opened)
        (project / "targets.json").write_text(json.dumps({"file": str(project / target), "port": port, "abstract": abstract}))
        said = _said(function, project, home)
    kept = not target or SECRET in (project / target).read_text()
    return HELD if "failed: RuntimeError: nothing of" in said and kept else not_held(said)


def _planted(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SECRET)


def _listening(opened: ExitStack) -> tuple[int, str]:
    """The port and the abstract name of two servers of this machine."""
    server, other = opened.enter_context(socket.create_server(("127.0.0.1", 0))), opened.enter_context(socket.socket(socket.AF_UNIX))
    name = f"modelmedic-{os.getpid()}"
    other.bind(f"\0{name}")
    other.listen()
    return server.getsockname()[1], name


def _said(function: str, project: Path, home: str) -> str:
    named = {
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "MODELMEDIC_STORE": f"file://{project / 'named-store'}",
        "GOOGLE_APPLICATION_CREDENTIALS": "package/credentials.json",
        "PYTHONPATH": os.pathsep.join([str(_REPOSITORY), str(project)]),
    }
    command = [sys.executable, "-c", _PARENT, function, str(project / home / "work" / "churn" / "retrain")]
    ended = subprocess.run(command, cwd=project, env={**os.environ, **named}, capture_output=True, text=True, check=False, timeout=50)
    return ended.stdout.strip() or ended.stderr.strip()[-400:]
