"""The hash of a training function: it follows the files that the function is made of, and nothing
else.
"""

from pathlib import Path

import pytest

from modelmedic.steps.training.code_version import code_version, source_files
from tests.worlds.training import policy


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a training function in two files, and a file that it does not use."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "__init__.py").write_text("")
    (tmp_path / "ours" / "teach.py").write_text("import numpy\nfrom . import columns\n\ndef train(frame, policy): ...\n")
    (tmp_path / "ours" / "columns.py").write_text("import shared_by_all\n")
    (tmp_path / "shared_by_all.py").write_text("raise SystemExit  # it is never imported here\n")
    (tmp_path / "unused.py").write_text("")
    return tmp_path


RULES = policy(retrain={"minRows": 500, "entrypoint": "ours.teach:train"})


@pytest.mark.usefixtures("folder")
def test_the_files_are_those_that_the_function_imports_from_its_folder() -> None:
    assert sorted(source_files("ours.teach:train")) == ["ours/__init__.py", "ours/columns.py", "ours/teach.py", "shared_by_all.py"]


@pytest.mark.parametrize("name", ["ours/teach.py", "ours/columns.py", "shared_by_all.py"])
def test_a_change_of_any_of_its_files_is_another_version(folder: Path, name: str) -> None:
    before = code_version(RULES)
    (folder / name).write_text("changed = True\n")
    assert code_version(RULES) != before


def test_a_change_elsewhere_is_none(folder: Path) -> None:
    before = code_version(RULES)
    (folder / "unused.py").write_text("changed = True\n")
    assert code_version(RULES) == before
    assert before.startswith("modelmedic ")
    assert "ours.teach:train" in before


@pytest.mark.parametrize("content", ["def train(:\n", "\0"])
def test_code_that_cannot_be_read_has_a_version_too(folder: Path, content: str) -> None:
    (folder / "ours" / "teach.py").write_text(content)
    assert sorted(source_files("ours.teach:train")) == ["ours/__init__.py", "ours/teach.py"]
    assert code_version(RULES)


def test_a_module_that_is_not_there_has_no_files() -> None:
    assert source_files("nowhere_to_be_found:train") == {}
    assert len(source_files("builtin")) == 1


def test_the_example_is_found() -> None:
    names = source_files("modelmedic.examples.regression.stream:train")
    assert any(name.endswith("examples/regression/stream.py") for name in names)
    assert len(names) < 20
