"""doctor on the installed quickstart: nothing of it is missing, and what is taken away is named."""

import json
import subprocess
import sys
from typing import Any

from modelmedic.examples.cluster.install import settings
from modelmedic.examples.cluster.kubectl import wait_until
from tests.e2e.stage import Stage, evidence


def _doctor(stage: Stage) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code and the answers by subject, with the store at a forwarded address, and MLflow,
    which refuses the name by which the API server's proxy asks it.
    """
    forwarded = stage.cluster.forwarded
    with forwarded("svc/object-store", 9000) as store, forwarded("svc/mlflow", 5000) as registry:
        command = [sys.executable, "-m", "modelmedic.workflows.cli", "doctor", "--json", "--platform", str(settings()[0])]
        command += ["--at", f"store=http://127.0.0.1:{store}", "--at", f"registry=http://127.0.0.1:{registry}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, {each["subject"]: each for each in json.loads(done.stdout)["answers"]}


def _whole(stage: Stage) -> dict[str, dict[str, Any]] | None:
    """The answers, once none of them is missing."""
    code, found = _doctor(stage)
    return found if code == 0 and not any(each["state"] == "missing" for each in found.values()) else None


def test_doctor_finds_the_quickstart_whole_and_a_taken_secret_missing(stage: Stage) -> None:
    found = wait_until(lambda: _whole(stage), 180, "a doctor that misses nothing", 5)  # a Sensor that a case before killed is scraped again
    evidence("doctor", found)
    for subject in ("object store", "MLflow", "Pushgateway", "Prometheus", "Prometheus scrapes the Pushgateway"):
        assert found[subject]["state"] == "ok", found[subject]
    secret = stage.cluster.get("secret", "modelmedic-artifacts")
    assert secret is not None
    stage.cluster.run("delete", "secret", "modelmedic-artifacts")
    try:
        code, found = _doctor(stage)
    finally:
        kept = {
            **secret,
            "metadata": {key: secret["metadata"][key] for key in ("name", "namespace", "labels") if key in secret["metadata"]},
        }
        stage.cluster.apply(kept)
    assert (code, found["Secret modelmedic-artifacts"]["state"]) == (65, "missing")
