"""The table of a run in the docs' security page, between two marks."""

import re
from pathlib import Path
from typing import Any, Final

PAGE: Final = Path(__file__).parents[2] / "docs" / "security.md"
_MARKED: Final = re.compile(r"(?<=<!-- adversary -->\n).*?(?=<!-- /adversary -->)", re.DOTALL)


def rewritten(page: str, found: dict[str, Any], about: dict[str, str]) -> str:
    """The page with the run's table; `about` has the first sentence of each group."""
    if len(_MARKED.findall(page)) != 1:
        raise ValueError("the page has no place between <!-- adversary --> and <!-- /adversary -->; expected one")
    return _MARKED.sub(lambda _: f"\n{_section(found, about)}\n", page)


def groups_of(page: str) -> set[str]:
    """The groups that the page's table has."""
    return set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))


def _section(found: dict[str, Any], about: dict[str, str]) -> str:
    columns = ("tried", "held", "not_held", "skipped")
    rows = [f"| `{row['group']}` | {about[row['group']]} | {' | '.join(f'{row[name]:,}' for name in columns)} |" for row in found["groups"]]
    sums = " | ".join(f"{sum(row[name] for row in found['groups']):,}" for name in columns)
    head = ["| group | the attacks | tried | held | not held | skipped |", "|---|---|---:|---:|---:|---:|"]
    told = [f"- {word}: {each['name']}: {each['sentence']}" for key, word in _TOLD for each in found[key]]
    said = f"`python -m tests.adversary --seed {found['seed']}` on {found['at'][:10]}, {found['seconds']} s:"
    return "\n".join([said, "", *head, *rows, f"| | all | {sums} |", *([""] if told else []), *told])


_TOLD: Final = (("not_held", "not held"), ("skipped", "skipped"))
