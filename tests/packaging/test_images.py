"""Four images, each with what its stages need and no more."""

import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from modelmedic.steps.contracts.heal_stages import HEAL
from modelmedic.steps.contracts.stage import Account, Image
from modelmedic.workflows.inputs.images import NAMES
from modelmedic.workflows.inputs.platform import Images
from tests.worlds.training import START, policy, rows

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "containers").glob("*.Dockerfile"))
_TRAINS = """
import sys
for name in ("evidently", "plotly", "statsmodels", "nltk", "litestar"):
    sys.modules[name] = None  # an import of it fails
from modelmedic.steps.training.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def test_every_image_has_a_dockerfile_and_a_place_in_the_platform_file() -> None:
    names = {image.value for image in Image}
    assert {file.stem for file in FILES} == names == set(Images.model_fields) == set(NAMES)


def test_a_training_runs_in_the_train_image_and_the_report_alone_in_the_report_image() -> None:
    assert {stage.name for stage in HEAL if stage.image is Image.REPORT} == {"report"}
    assert {stage.account for stage in HEAL if stage.image is Image.TRAIN} == {Account.TRAIN}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_image_takes_its_base_by_argument_and_runs_as_nobody_in_particular(file: Path) -> None:
    lines = file.read_text().splitlines()
    assert [line for line in lines if line.startswith("FROM")] == ["FROM ${PYTHON} AS build", "FROM ${PYTHON}"]
    assert "USER 65532:65532" in lines


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_image_is_made_of_locked_packages_alone(file: Path) -> None:
    assert f"--require-hashes -r build.txt -r {file.stem}.txt" in file.read_text()
    assert "==" in (ROOT / "requirements" / f"{file.stem}.txt").read_text()


def test_evidently_is_in_the_report_image_alone() -> None:
    assert {image.value for image in Image if "evidently" in locked(image.value)} == {"report"}


def test_the_images_have_the_versions_that_are_tested() -> None:
    tested = locked("all")
    for name in ("demo", *(image.value for image in Image)):
        assert locked(name).items() <= tested.items(), name


def locked(name: str) -> dict[str, str]:
    """Versions by package."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return dict(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==([^ ;]+)", text, re.MULTILINE))


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_one_command_pins_the_base_by_digest(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "containers", tmp_path / "containers")
    base = re.search(r"^ARG PYTHON=([^@\n]+)", FILES[0].read_text(), re.MULTILINE)
    assert base is not None
    pinned = f"{base[1]}@sha256:{'5' * 64}"
    for _ in range(2):  # a pinned base is pinned anew
        said = subprocess.run(
            ["make", "-s", "pin-base", f"DIGEST=sh -c 'echo sha256:{'5' * 64}'"], cwd=tmp_path, check=True, timeout=30, capture_output=True
        )
        assert said.stdout.decode().strip() == pinned
    files = list((tmp_path / "containers").iterdir())
    assert [file.name for file in files if f"ARG PYTHON={pinned}\n" not in file.read_text()] == []


def test_a_training_needs_no_evidently(tmp_path: Path) -> None:
    rules = policy()
    pq.write_table(rows(START, START + timedelta(days=4), rules).select([*rules.features, "left", "at"]), tmp_path / "train.parquet")
    (tmp_path / "policy.json").write_text(rules.model_dump_json(by_alias=True))
    arguments = [f"--data={tmp_path / 'train.parquet'}", f"--policy={tmp_path / 'policy.json'}", f"--out={tmp_path}"]
    done = subprocess.run([sys.executable, "-c", _TRAINS, *arguments], check=False, timeout=120, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-800:]
