"""The locked packages are those that pyproject.toml asks for; `make lock` makes them so."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "requirements").glob("*.txt"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_requirement_is_locked_at_a_version_that_it_allows() -> None:
    stated = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"], *PROJECT["build-system"]["requires"]]
    stated += [each for extra in PROJECT["project"]["optional-dependencies"].values() for each in extra]
    chosen = versions(ROOT / "requirements" / "all.txt")
    wanted = [Requirement(each) for each in stated if not each.startswith("modelmedic[")]
    assert [str(each) for each in wanted if not each.specifier.contains(chosen.get(canonicalize_name(each.name), "0"))] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_locked_package_has_hashes_and_no_address(file: Path) -> None:
    text = file.read_text()
    packages = re.split(r"^(?=[A-Za-z0-9])", "\n".join(line for line in text.splitlines() if not line.startswith("#")), flags=re.MULTILINE)
    assert [each.splitlines()[0] for each in packages if each.strip() and "--hash=sha256:" not in each] == []
    assert "://" not in text


def versions(file: Path) -> dict[str, str]:
    """By canonical name."""
    found = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==([^ ;]+)", file.read_text(), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}
