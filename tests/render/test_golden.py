"""Rendered files change only where somebody has looked at the change."""

from tests.render.golden import FOLDER, golden
from tests.render.policies import NAMED


def test_the_named_configurations_are_as_they_were_reviewed() -> None:
    expected = {path.relative_to(FOLDER).as_posix(): path.read_text(encoding="utf-8") for path in FOLDER.rglob("*") if path.is_file()}
    rendered = golden()
    assert sorted(rendered) == sorted(expected)
    changed = [path for path in rendered if rendered[path] != expected[path]]
    assert changed == [], "look at them with `python -m tests.render.golden` and git diff"


def test_there_are_at_least_20_configurations_and_each_changes_something() -> None:
    changes = {path: text for path, text in golden().items() if path.endswith(".diff")}
    assert len(NAMED) >= 20
    assert len(set(changes.values())) == len(changes)
    assert all(changes.values())
