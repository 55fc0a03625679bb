"""A hook of mkdocs: pages of the site that are made of the program or lie outside of docs/."""

import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT)]  # mkdocs loads a hook as a file

from tests.docs import reference  # noqa: E402

_MOVED = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md", "docs/runbooks": "runbooks/index.md"}
_LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the made pages."""
    runbooks = sorted(path.name for path in (ROOT / "docs" / "runbooks").glob("*.md"))
    made = {
        "index.md": moved((ROOT / "README.md").read_text(encoding="utf-8")),
        "changelog.md": moved((ROOT / "CHANGELOG.md").read_text(encoding="utf-8")),
        "contributing.md": moved((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")),
        "runbooks/index.md": "# Runbooks\n\n" + "".join(f"- [{name.removesuffix('.md')}]({name})\n" for name in runbooks),
        "reference/policy.md": reference.policy(),
        "reference/cli.md": reference.cli(),
    }
    for path, text in made.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """A link to a file that is no page, such as an example, becomes its path."""
    return re.sub(r"\[([^\]]+)\]\(\.\./(?!docs/)([^)#\s]+)\)", lambda found: _outside(found[1], found[2]), markdown)


def moved(text: str) -> str:
    """A page of the repository's root as a page of the site."""
    return _LINK.sub(lambda found: f"]({_MOVED.get(found[1], found[1].removeprefix('docs/'))}{found[2] or ''})", text)


def _outside(words: str, path: str) -> str:
    return f"[{words}]({_MOVED[path]})" if path in _MOVED else f"{words} (`{path}`)"
