"""The page and the sentence of a review of the rules. Called by the command rules."""

from collections.abc import Sequence
from datetime import datetime

from modelmedic.steps.core.review.proposals import Proposal
from modelmedic.steps.core.review.rules import Judged, Review
from modelmedic.steps.reporting.pictures.decisions import COLOURS, decisions, words
from modelmedic.steps.reporting.pictures.text import moment, short
from modelmedic.steps.reporting.render import render

_GOOD = (Judged.HELPED, Judged.RIGHT)
_BAD = (Judged.HARMED, Judged.OVERRIDDEN)


def review_sentence(review: Review, proposals: Sequence[Proposal]) -> str:
    """How the decisions of all rules turned out, what was missed, and how much is proposed."""
    good, bad = (sum(rule.judged.get(kind, 0) for rule in review.rules for kind in kinds) for kinds in (_GOOD, _BAD))
    said = f"of {review.incidents} decisions {good} were right, and {bad} made things worse or were taken back by people"
    return f"{said}; {len(review.missed)} harmful incidents had no answer; proposals: {len(proposals)}"


def rules_page(model: str, review: Review, proposals: Sequence[Proposal], since: datetime | None) -> str:
    """One HTML file without scripts."""
    return render(
        "rules.html.j2",
        title=short(f"modelmedic: the rules of {model}", 120),
        model=model,
        review=review,
        proposals=proposals,
        since=f" since {moment(since)} UTC" if since else "",
        sentence=review_sentence(review, proposals),
        drawing=decisions(review.rules),
        legend=[{"colour": colour, "words": words(kind)} for kind, colour in COLOURS.items()],
    )
