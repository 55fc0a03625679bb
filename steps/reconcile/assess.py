"""The assessment of past heals, made once labels of the time after them have matured; called by the
sweep.
"""

from collections.abc import Iterator
from datetime import datetime

from modelmedic.steps.contracts.errors import NotFound
from modelmedic.steps.contracts.incident import Closing, Incident
from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Outcome, Task
from modelmedic.steps.core.statistics.residuals import LabelledRows, labelled_rows
from modelmedic.steps.core.tables.pairing import pair
from modelmedic.steps.reporting.publish import publish_if_possible
from modelmedic.steps.runtime.run import Site

_CHANGED = (Outcome.HEALED, Outcome.ROLLED_BACK)
_LEAST_LABELS = 100
MOST_ROWS = 200_000


def assess(site: Site) -> tuple[str, ...]:
    """Assess every heal of the model whose labels have matured; a sentence for each."""
    return tuple(sentence for incident, closing in _due(site) if (sentence := _assess(site, incident, closing)))


def _due(site: Site) -> Iterator[tuple[Incident, Closing]]:
    for incident in site.ledger.incidents(site.model):
        closing = site.ledger.closing(incident)
        if closing and closing.outcome in _CHANGED and closing.effective is None and site.clock.now() >= _ripe(site, closing):
            yield incident, closing


def _ripe(site: Site, closing: Closing) -> datetime:
    return closing.at + site.policy.settle


def _assess(site: Site, incident: Incident, closing: Closing) -> str | None:
    """Assess one heal: effective when the new version's loss is no higher than on its reference.
    None while there are too few labels.
    """
    window = Window(closing.at, closing.at + site.policy.detect.window)
    version = closing.champion_after or ""
    after = site.windows.table(window, labelled_only=True, limit=MOST_ROWS)
    try:
        both = pair(site.references.table(version), after, site.policy.roles)
    except NotFound:
        return None
    rows = labelled_rows(both) if after.num_rows >= _LEAST_LABELS else None
    if rows is None:
        return None
    sentence = _sentence(rows, version)
    said = site.ledger.assess(incident, not rows.harmed, sentence)
    site.note("heal.assessed", {"effective": said.effective, "sentence": said.sentence}, incident.id)
    if not said.effective:
        owner = site.policy.metadata.owner
        site.tell("heal.ineffective", Severity.WARNING, owner, f"{site.model}: a heal did not help", sentence, incident.id)
    publish_if_possible(site, incident)
    return said.sentence


def _sentence(rows: LabelledRows, version: str) -> str:
    name = "log loss" if rows.task is Task.BINARY else "squared error"
    expected, found = float(rows.loss[0].mean()), float(rows.loss[1].mean())
    verdict = "effective" if not rows.harmed else "not effective"
    return f"{verdict}: mean {name} of version {version} since is {found:.4g} on {len(rows.loss[1])} labels; {expected:.4g} was expected"
