"""The page and the sentences of a replay: past incidents as another policy would have ended them.
Called by the command replay.
"""

from collections import Counter
from collections.abc import Sequence

from modelmedic.steps.core.review.replay import Replayed
from modelmedic.steps.reporting.pictures.text import short
from modelmedic.steps.reporting.render import render

_NOT_KNOWN = "not known"


def replay_sentence(rows: Sequence[Replayed]) -> str:
    """How many incidents end as before, otherwise, or in a way that is not known."""
    otherwise, unknown = sum(row.otherwise for row in rows), sum(row.unknown for row in rows)
    return f"of {len(rows)} incidents {len(rows) - otherwise - unknown} end as before, {otherwise} otherwise; of {unknown} it is not known"


def unanswered_sentence(sections: Sequence[str]) -> str:
    """What a replay cannot tell of a changed policy; empty where it can tell everything."""
    if not sections:
        return ""
    named = ", ".join(sections)
    return (
        f"the policies differ in {named}: what other windows, rows or serving come to is no question for records; ask `modelmedic backtest`"
    )


def replay_page(model: str, rows: Sequence[Replayed], sections: Sequence[str], beside: str) -> str:
    """One HTML file without scripts. `beside` names what the policy is compared with."""
    changed = [row for row in rows if row.otherwise or row.unknown]
    pairs = Counter((row.before or _NOT_KNOWN, row.after or _NOT_KNOWN) for row in changed)
    return render(
        "replay.html.j2",
        title=short(f"modelmedic: replay of {model}", 120),
        model=model,
        rows=rows,
        sentence=replay_sentence(rows),
        unanswered=unanswered_sentence(sections),
        beside=beside,
        same=len(rows) - len(changed),
        otherwise=sum(row.otherwise for row in rows),
        unknown=sum(row.unknown for row in rows),
        changed=changed,
        kinds=[{"before": before, "after": after, "count": count} for (before, after), count in pairs.most_common()],
    )
