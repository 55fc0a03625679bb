"""docs/formats.md names every document with its key and its newest format, and its program verifies
a trail.
"""

import re
from pathlib import Path

import pytest

from modelmedic.steps.contracts.formats import DOCUMENTS
from tests.records.test_kept_stores import HASHED, KEPT

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()
_ROW = re.compile(r"^\| ([^|]+) \| `([^`|]+)` \| ([0-9]+) \|$", re.MULTILINE)


def verified(folder: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(program, {"FOLDER": folder})


def test_the_page_lists_every_document() -> None:
    assert _ROW.findall(PAGE) == [(document.name, document.key, str(document.newest)) for document in DOCUMENTS]


@pytest.mark.parametrize("kept", sorted(folder.name for folder in KEPT.iterdir()))
def test_the_program_of_the_page_verifies_a_trail(kept: str, capsys: pytest.CaptureFixture[str]) -> None:
    verified(KEPT / kept / "audit" / HASHED)
    assert capsys.readouterr().out == "intact\n"


def test_the_program_of_the_page_finds_a_change(tmp_path: Path) -> None:
    for path in (KEPT / "first" / "audit" / HASHED).iterdir():
        data = path.read_bytes()
        (tmp_path / path.name).write_bytes(data.replace(b"alice", b"malory") if path.name == "00000007.json" else data)
    with pytest.raises(AssertionError):
        verified(tmp_path)
