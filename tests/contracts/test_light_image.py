"""The steps image has no pandas, no scikit-learn, no full MLflow: what runs in it may not import
them.
"""

import subprocess
import sys
from pathlib import Path

import pytest

IN_THE_STEPS_IMAGE = (
    "modelmedic.steps.__main__",
    "modelmedic.steps.entrypoints",
    "modelmedic.steps.runtime.workspace",
    "modelmedic.steps.heal.diagnose",
    "modelmedic.steps.heal.quarantine",
    "modelmedic.steps.heal.rollback",
    "modelmedic.steps.approval.requests",
    "modelmedic.steps.heal.deploy",
    "modelmedic.steps.heal.close",
    "modelmedic.steps.detection.monitor",
    "modelmedic.steps.detection.metrics",
    "modelmedic.steps.bootstrap.serve",
    "modelmedic.steps.reconcile.sweep",
    "modelmedic.steps.incidents.triage",
    "modelmedic.steps.reporting.story",
    "modelmedic.steps.reporting.incident",
    "modelmedic.steps.reporting.publish",
    "modelmedic.steps.adapters.mlflow.registry",
    "modelmedic.steps.adapters.kserve.serving",
    "modelmedic.steps.adapters.kube.workflows",
    "modelmedic.steps.adapters.store.s3",
    "modelmedic.steps.adapters.notify.alertmanager",
    "modelmedic.steps.adapters.prometheus",
)
_ABSENT = """
import importlib, sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("pandas", "sklearn", "skops", "evidently", "kserve", "matplotlib", "hera", "polars"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
"""
_IMPORTS = """
for name in sys.argv[1:]:
    importlib.import_module(name)
"""
_LIVES = """
from pathlib import Path
from tests.contracts.light_life import live
print(live(Path(sys.argv[1])))
"""


@pytest.mark.parametrize("named", [IN_THE_STEPS_IMAGE])
def test_what_runs_in_the_steps_image_imports_only_what_is_there(named: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-c", _ABSENT + _IMPORTS, *named], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-800:]


def test_a_window_is_judged_diagnosed_and_its_incident_closed_without_them(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    environment = {"PYTHONPATH": str(request.config.rootpath), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-c", _ABSENT + _LIVES, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-800:]
    assert done.stdout.split() == ["degraded", "retrain", "escalated"]
