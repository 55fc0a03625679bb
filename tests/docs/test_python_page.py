"""The Python page runs from top to bottom, and names every public function."""

import re
from pathlib import Path
from typing import Any

import pytest

import modelmedic

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "python.md").read_text()
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_examples_hold_what_they_assert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("examples", "k8s"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    blocks = [block for block in _BLOCK.findall(TEXT) if not block.startswith("# not run here")]
    assert len(blocks) >= 5
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)
    assert (tmp_path / "opinion.html").exists()


def test_every_public_name_is_on_the_page() -> None:
    assert [name for name in modelmedic.__all__ if f"`{name}`" not in TEXT and f".{name}" not in TEXT] == []
