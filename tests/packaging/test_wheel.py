"""The installed packages: `modelmedic`, and nothing else at the top of site-packages.

The wheel stands beside a package called `workflows` and a user's own folder `steps/`. Dependencies
are taken from the environment that runs the tests; llama-index-workflows comes from the index.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import threading
import venv
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from modelmedic.examples.two_windows import START, window

ROOT = Path(__file__).parents[2]
_BUILDS = "import sys, setuptools.build_meta as backend; print(getattr(backend, sys.argv[1])(sys.argv[2]))"
_TRAINER = """
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from steps.features import chosen


def train(frame, policy):
    from sklearn.compose import make_column_selector, make_column_transformer

    codes = make_column_transformer(
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), make_column_selector(dtype_exclude="number")),
        remainder="passthrough",
    )
    return make_pipeline(codes, LogisticRegression()).fit(frame[chosen(policy)], frame[policy.data.target])
"""
_WRITES = """
from pathlib import Path
from modelmedic.steps.adapters.policy.file import load_policy
Path("policy.json").write_text(load_policy(Path("policy.yaml")).model_dump_json(by_alias=True))
"""
_IMPORTS = "import json, modelmedic, steps, workflows; print(json.dumps([m.__file__ for m in (modelmedic, steps, workflows)]))"


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, as a build leaves folders behind."""
    copy = tmp_path_factory.mktemp("source") / "modelmedic"
    left_out = shutil.ignore_patterns(".*", "*.egg-info", "__pycache__", "build", "dist", "tests", "docs", "k8s", "argo-events", "site")
    shutil.copytree(ROOT, copy, symlinks=True, ignore=left_out)
    return _built(copy, "build_sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the unpacked sdist, as an installer would."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as packed:
        packed.extractall(folder, filter="data")
    return _built(next(folder.iterdir()), "build_wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder: `steps/` with a trainer, as ZenML projects have it, and rows to learn
    from.
    """
    folder = tmp_path_factory.mktemp("project")
    (folder / "steps").mkdir()
    (folder / "steps" / "__init__.py").touch()
    (folder / "steps" / "features.py").write_text("def chosen(policy):\n    return list(policy.features)\n")
    (folder / "steps" / "trainer.py").write_text(_TRAINER)
    pq.write_table(window(600, 1, START, drifted=False).drop_columns(["risk"]), folder / "history.parquet")
    shutil.copy(ROOT / "examples" / "submit.py", folder)
    return folder


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel and llama-index-workflows, which installs `workflows`."""
    place = tmp_path_factory.mktemp("venv")
    venv.create(place, with_pip=True)
    made = place / "bin" / "python"
    pip = [str(made), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-deps", str(wheel)], check=True, timeout=120)
    subprocess.run([*pip, "llama-index-workflows>=2,<3"], check=True, timeout=300)
    site = next((place / "lib").glob("python*/site-packages"))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")  # a plain path: editable installs in it stay unread
    return made


def test_the_wheel_holds_one_package_with_its_types_and_templates(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"modelmedic"}
    for name in ("py.typed", "api/opinions.py", "steps/reporting/pages/base.html.j2", "workflows/cli/__init__.py", "examples/submit.py"):
        assert f"modelmedic/{name}" in names, name
    for folder in ("steps", "workflows"):
        for file in (ROOT / folder).rglob("*.py"):
            assert f"modelmedic/{file.relative_to(ROOT)}" in names


def test_data_files_of_the_packages_are_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("steps", "workflows", "examples"):
        data = [file for file in (ROOT / folder).rglob("*") if file.suffix in (".j2", ".html", ".yaml", ".json", ".css")]
        assert [str(file) for file in data if f"modelmedic/{file.relative_to(ROOT)}" not in names] == []


@pytest.mark.slow
def test_it_stands_beside_packages_of_those_names(python: Path, project: Path) -> None:
    site = next(python.parents[1].glob("lib/python*/site-packages"))
    ours, theirs, other = json.loads(_run(python, project, "-c", _IMPORTS))
    assert ours == str(site / "modelmedic" / "__init__.py")
    assert theirs == str(project / "steps" / "__init__.py")
    assert other == str(site / "workflows" / "__init__.py")
    assert not any((site / name).exists() for name in ("steps", "examples", "tests"))


@pytest.mark.slow
def test_the_command_runs_where_a_folder_steps_lies(python: Path, project: Path) -> None:
    said = subprocess.run([python.parent / "modelmedic", "--help"], cwd=project, check=True, timeout=60, capture_output=True, text=True)
    assert "diagnose" in said.stdout
    assert "modelmedic" in _run(python, project, "-m", "modelmedic.workflows.cli", "--version")


@pytest.mark.slow
def test_a_training_imports_the_users_own_steps(python: Path, project: Path) -> None:
    _run(python, project, "-m", "modelmedic.workflows.cli", "init", "history.parquet", "--target", "defaulted", "--force")
    policy = project / "policy.yaml"
    text = policy.read_text()
    assert "retrain:" in text
    policy.write_text(text.replace("retrain:\n", "retrain:\n  entrypoint: steps.trainer:train\n", 1))
    _run(python, project, "-c", _WRITES)
    (project / "out").mkdir()
    _run(python, project, "-m", "modelmedic.steps.training", "--data=history.parquet", "--policy=policy.json", "--out=out")
    assert json.loads((project / "out" / "report.json").read_text()) == {"error": None}
    assert (project / "out" / "model").is_dir()


@pytest.mark.slow
def test_the_submission_script_runs(python: Path, project: Path, argo: str) -> None:
    said = _run(python, project, "submit.py", "flights-delay", "flights-delay-1a2b3c4d-1", ARGO_SERVER=argo)
    assert said == "heal-flights-delay-1a2b3c4d-1: Succeeded\n"


@pytest.fixture
def argo() -> Iterator[str]:
    """An Argo server whose workflows have succeeded already."""
    document = {"metadata": {"name": "heal-flights-delay-1a2b3c4d-1"}, "spec": {}, "status": {"phase": "Succeeded"}}

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def _built(source: Path, hook: str, out: Path) -> Path:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _BUILDS, hook, str(out)],
        cwd=source,
        check=False,
        timeout=120,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-800:]
    return out / done.stdout.splitlines()[-1]


def _run(python: Path, at: Path, *arguments: str, **more: str) -> str:
    """In the user's folder, with nothing of this process's paths."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | more
    done = subprocess.run([python, *arguments], cwd=at, env=environment, check=False, timeout=180, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-1500:]
    return done.stdout
