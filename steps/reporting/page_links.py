"""The links of an incident page to what lies elsewhere, and what Evidently says."""

from collections.abc import Mapping
from typing import Any, Final

from modelmedic.steps.reporting.story import Story

_TITLES: Final = {
    "run": "the run in Argo",
    "version": "the version in MLflow",
    "dashboard": "the dashboard",
    "runbook": "the runbook of the alert",
}
_BESIDE: Final = "evidently.html"  # the page of the same incident in the store, beside this one


def page_links(story: Story) -> list[tuple[str, str]]:
    """Titles and addresses. The dashboard is left out of a page that nobody said one for."""
    return [(title, story.links[name]) for name, title in _TITLES.items() if name in story.links]


def evidently(story: Story) -> Mapping[str, Any] | None:
    """Evidently's page, and a sentence on whether it agrees; None where there is no page."""
    drawn = story.drawn
    if drawn is None or not drawn.pages:
        return None
    drifted = [each.column for each in drawn.columns if each.drifted]
    found = f"It finds drift in {len(drifted)} of {len(drawn.columns)} columns" if drawn.columns else ""
    checked = story.verdict is not None and drawn.columns
    agrees = " and agrees with our verdict on each." if checked and not drawn.differs else "."
    return {
        "address": story.links.get("evidently", _BESIDE),
        "sentence": f"{found}{agrees}" if found else "",
        "differs": drawn.differs,
    }
