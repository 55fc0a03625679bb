"""The glossary has the words of the code, and the code has the words of the glossary."""

import re
from enum import StrEnum
from pathlib import Path

import pytest

from modelmedic.steps.contracts.words import Autonomy, Cause, Outcome, Remedy

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "glossary.md").read_text()
TERMS = re.findall(r"^\| ([a-z ]+) \|", TEXT.split("## Causes")[0], re.MULTILINE)[1:]  # without the table's head
ENUMS = {"Causes": Cause, "Remedies": Remedy, "Autonomy": Autonomy, "Outcomes": Outcome}


@pytest.mark.parametrize(("title", "words"), ENUMS.items(), ids=list(ENUMS))
def test_a_closed_vocabulary_is_told_whole_and_in_its_order(title: str, words: type[StrEnum]) -> None:
    assert _rows(f"## {title}") == [f"`{word.value}`" for word in words]


@pytest.mark.parametrize("term", TERMS)
def test_a_term_is_a_word_of_the_code(term: str) -> None:
    wanted = re.compile(rf"\b{term.replace(' ', '[_ ]')}", re.IGNORECASE)
    files = [file for folder in ("steps", "workflows") for file in (ROOT / folder).rglob("*.py")]
    assert any(wanted.search(file.read_text()) for file in files), term


def _rows(heading: str) -> list[str]:
    return re.findall(r"^\| (`\w+`) \|", TEXT.split(heading)[1].split("\n## ")[0], re.MULTILINE)
