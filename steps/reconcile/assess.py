"""The assessment of past heals, made once labels of the time after them have matured; called by the
sweep.

A heal helped when the version that it put in place loses less than the version before would have
lost on the same rows. The monitor asks both (detection/comparison.py); its newest comparison is
read here, so that the sweep loads no model. The interval holds at all looks at once, so the verdict
may wait until the labels tell: from the settle time on, and three settle times at most.
"""

from collections.abc import Iterator

from modelmedic.steps.contracts.comparison import Comparison
from modelmedic.steps.contracts.incident import Assessment, Closing, Incident
from modelmedic.steps.contracts.keys import incident_key, model_hash
from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.contracts.words import Outcome, Task
from modelmedic.steps.core.comparison.benefit import Benefit, benefit
from modelmedic.steps.core.comparison.blocks import outside, whole
from modelmedic.steps.records.comparisons import newest_comparison
from modelmedic.steps.reporting.publish import publish_if_possible
from modelmedic.steps.runtime.run import Run, Site

_CHANGED = (Outcome.HEALED, Outcome.ROLLED_BACK)
_LONGEST = 3  # settle times


def assess(site: Site) -> tuple[str, ...]:
    """Assess every heal of the model whose labels have matured; a sentence for each. The assessment
    before is recorded first, where whoever made it was killed before it was.
    """
    made = [(said, incident) for incident in site.ledger.incidents(site.model) if (said := site.ledger.assessment(incident))]
    if made:
        said, incident = max(made, key=lambda each: each[0].at)
        _note(Run(site, incident), said)
    return tuple(sentence for incident, closing in _due(site) if (sentence := _assess(site, incident, closing)))


def _due(site: Site) -> Iterator[tuple[Incident, Closing]]:
    for incident in site.ledger.incidents(site.model):
        closing = site.ledger.closing(incident)
        if closing and closing.outcome in _CHANGED and closing.effective is None and site.clock.now() >= closing.at + site.policy.settle:
            yield incident, closing


def _assess(site: Site, incident: Incident, closing: Closing) -> str | None:
    """Assess one heal. None while more labels may tell, and for ever when none can: the version
    before could not be asked, or the new one was replaced before a label was known.
    """
    found = _benefit(site, incident, closing)
    last = site.clock.now() >= closing.at + _LONGEST * site.policy.settle or _replaced(site, closing)
    if found is None or not (found.told_apart or last):
        return None
    said = site.ledger.assess(incident, found.effective, found.sentence, told_apart=found.told_apart)
    _note(Run(site, incident), said)
    publish_if_possible(site, incident)
    return said.sentence


def _note(run: Run, said: Assessment) -> None:
    """Tell people of a heal that did not help, and record the assessment, once."""
    site = run.site

    def tell() -> None:
        if said.told_apart and not said.effective:
            owner = site.policy.metadata.owner
            run.tell("heal.ineffective", Severity.WARNING, owner, f"{site.model}: a heal did not help", said.sentence)

    facts = {"effective": said.effective, "told_apart": said.told_apart, "sentence": said.sentence}
    key, documents = f"heal.assessed/{run.incident.id}", [incident_key(model_hash(site.model), run.incident.epoch, "effective.json")]
    site.once("heal.assessed", key, facts, incident=run.incident.id, documents=documents, since=said.at, first=tell)


def _benefit(site: Site, incident: Incident, closing: Closing) -> Benefit | None:
    seen = _comparison(site, incident, closing)
    pair = seen.pair(closing.champion_before) if seen is not None else None
    if seen is None or pair is None:
        return None
    aside = site.history.quarantined(site.model)
    since, before = whole(outside(pair.since, aside), seen.judged_until), outside(pair.before, aside)
    name = "squared error" if site.policy.data.task is Task.REGRESSION else "log loss"
    return benefit(seen.version, pair.other, since, before, name)


def _comparison(site: Site, incident: Incident, closing: Closing) -> Comparison | None:
    """The newest comparison of the version that the heal put in place, while it served for it."""
    version = closing.champion_after
    seen = newest_comparison(site.store, site.model, version, after=incident.opened_at) if version is not None else None
    return seen if seen is not None and seen.released_at >= incident.opened_at else None


def _replaced(site: Site, closing: Closing) -> bool:
    return site.registry.alias(site.policy.registry.champion) != closing.champion_after
