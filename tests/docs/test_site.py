"""The site builds strictly, with references made of the program."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelmedic.steps.contracts.policy import Policy
from modelmedic.workflows.cli import SECTIONS
from tests.docs import reference

ROOT = Path(__file__).parents[2]


def test_the_policy_reference_names_every_section() -> None:
    text = reference.policy()
    for field in Policy.model_json_schema(by_alias=True)["properties"]:
        assert f"| `{field}` |" in text, field


def test_the_command_reference_has_every_command() -> None:
    headings = {line.lstrip("# ") for line in reference.cli().splitlines() if line.startswith("###")}
    assert {name for commands in SECTIONS.values() for name in commands} <= headings


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, check=False, timeout=120, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site" / "reference" / "policy.html").exists()
    pages = "".join(page.read_text() for page in (tmp_path / "site").rglob("*.html"))
    assert "fonts.googleapis.com" not in pages
