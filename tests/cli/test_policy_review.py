"""The review of a pull request tells of each policy that it changes what the change leads to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelmedic.steps.adapters.store.folder import FolderStore
from tests.worlds.past import ACTS, healed, kept
from tests.worlds.played import policy
from tests.worlds.written import written

SCRIPT = Path(__file__).parents[2] / ".github/actions/policy-review/review.sh"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a policy, a file that is none, a store, and the program on PATH."""
    place = tmp_path / "repository"
    place.mkdir()
    written(policy(autonomy=ACTS), place / "policy.yaml")
    (place / "values.yaml").write_text("kind: Other\n")
    git(place, "init", "--quiet", "-b", "main")
    git(place, "add", ".")
    git(place, "commit", "--quiet", "-m", "as it was")
    kept(FolderStore(tmp_path / "store"), [healed()])
    program = tmp_path / "bin" / "modelmedic"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m modelmedic.workflows.cli "$@"\n')
    program.chmod(0o755)
    return place


def git(place: Path, *arguments: str) -> None:
    who = ("-c", "user.name=ann", "-c", "user.email=ann@example.com")
    subprocess.run(["git", *who, *arguments], cwd=place, check=True)


def reviewed(place: Path, *, check: bool = False) -> tuple[int, str]:
    """The exit code and the comment about what is changed since the last commit."""
    comment = place.parent / "comment.md"
    around = {**os.environ, "PATH": f"{place.parent / 'bin'}:{os.environ['PATH']}", "STORE": str(place.parent / "store")}
    around |= {"CHECK": str(check).lower(), "PYTHONPATH": str(SCRIPT.parents[3])}
    ended = subprocess.run([SCRIPT, "HEAD", comment], cwd=place, env=around, check=False)
    return ended.returncode, comment.read_text()


def test_a_changed_policy_is_explained_and_the_past_is_replayed_by_it(repository: Path) -> None:
    written(policy(autonomy={"retrain": "suggest"}), repository / "policy.yaml")
    (repository / "values.yaml").write_text("kind: Another\n")
    code, comment = reviewed(repository)
    assert code == 0
    assert comment.count("## policy.yaml") == 1
    assert "values.yaml" not in comment
    assert "of 1 incidents 0 end as before, 1 otherwise" in comment


def test_with_check_an_incident_that_ends_otherwise_fails_it(repository: Path) -> None:
    written(policy(autonomy={"retrain": "suggest"}), repository / "policy.yaml")
    assert reviewed(repository, check=True)[0] == 1


def test_a_policy_that_is_wrong_fails_it_with_its_fault(repository: Path) -> None:
    (repository / "policy.yaml").write_text((repository / "policy.yaml").read_text() + "limit: {}\n")
    code, comment = reviewed(repository)
    assert (code, "limit" in comment) == (1, True)
