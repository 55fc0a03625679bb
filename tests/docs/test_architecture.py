"""The architecture page and its picture say what is there."""

import re
from pathlib import Path

from tests.docs import picture

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text()


def test_the_picture_shows_the_imports_of_today() -> None:
    said = "docs/architecture.svg is not what the imports make; run `make architecture`"
    assert picture.FILE.read_text() == picture.drawn(), said


def test_every_file_that_the_page_names_is_there() -> None:
    named = re.findall(r"`((?:steps|workflows|modelmedic)/[\w/.]+)`", TEXT)
    assert len(named) > 25
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_table_has_a_place_for_every_package() -> None:
    table = "\n".join(line for line in TEXT.splitlines() if line.startswith("| `"))
    packages = {name.split(".")[1] for name in picture.packages() if "." in name} - {"__main__"}
    assert sorted(name for name in packages if f"/{name}`" not in table and f"`{name}`" not in table) == []
