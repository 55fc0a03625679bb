"""Quarantines that last: when a person is asked about rows that are set aside window after window,
and what people's releases of such rows mean later. Called by the stages diagnose and retrain.
"""

from datetime import datetime

from modelmedic.steps.contracts.control import QuarantineRelease
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.results import DiagnoseResult, LastingQuarantine
from modelmedic.steps.contracts.words import BROKEN_ROWS, Cause, Outcome
from modelmedic.steps.heal.set_aside import span_aside
from modelmedic.steps.runtime.run import Run

_PATIENCE = 2  # windows of quarantine in a row


def lasting_quarantine(run: Run, found: Diagnosis) -> LastingQuarantine | None:
    """The quarantine that a person is to be asked about, because incidents in a row have set rows
    aside for the same cause for two windows; None before. What lasts for so long is how the stream
    is now, or a fault that nobody mends.
    """
    if found.cause not in BROKEN_ROWS:
        return None
    earlier = _in_a_row(run, found.cause)
    since = min((at for at, _ in earlier), default=run.incident.opened_at)
    if run.incident.opened_at - since < _PATIENCE * run.site.policy.detect.window:
        return None
    laid = {identity for _, identity in earlier}
    spans = [span.window for span in run.site.history.quarantined_spans(run.site.model) if span.incident in laid]
    own = span_aside(run.incident.window, found.onset)
    sentence = f"rows have been set aside since {since:%Y-%m-%d %H:%MZ} for the same cause ({found.sentence})"
    return LastingQuarantine(found.cause, since, (*spans, own), found.columns, sentence)


def _in_a_row(run: Run, cause: Cause) -> list[tuple[datetime, str]]:
    """The incidents without a gap before this one that set rows aside for the cause: when each was
    opened, and its id.
    """
    ledger, window, next_at = run.site.ledger, run.site.policy.detect.window, run.incident.opened_at
    found: list[tuple[datetime, str]] = []
    for incident in reversed(ledger.incidents(run.site.model)):
        closing = ledger.closing(incident)
        if incident.id == run.incident.id or closing is None:
            continue
        said = ledger.result(incident, DiagnoseResult)
        same = said is not None and said.diagnosis.cause is cause and closing.outcome is Outcome.QUARANTINED
        if not same or next_at - incident.opened_at > window:
            break
        next_at = incident.opened_at
        found.append((next_at, incident.id))
    return found


def trusted_columns(run: Run, champion: str | None) -> frozenset[str]:
    """The columns that people counted as good while this version serves, though a check finds that
    they are broken; the target where it was about the labels.
    """
    data, found = run.site.policy.data, set[str]()
    for release in _releases(run, champion):
        every = (data.target,) if release.cause is Cause.LABEL_QUALITY else run.site.policy.features
        found.update(release.columns or every)
    return frozenset(found)


def released_before(run: Run, found: Diagnosis, champion: str | None) -> str:
    """The reason to set nothing aside, else empty: people have counted rows as good that were set
    aside for the same cause and columns while this version serves.
    """
    same = [release for release in _releases(run, champion) if release.cause is found.cause]
    columns = {column for release in same for column in release.columns}
    if not same or not columns.issuperset(found.columns):
        return ""
    last = max(same, key=lambda release: release.at)
    return f"{' and '.join(last.by)} counted such rows as good at {last.at:%Y-%m-%d %H:%MZ}: {last.reason}"


def _releases(run: Run, champion: str | None) -> list[QuarantineRelease]:
    """The releases of rows that were set aside while this version served: another one has a
    reference of its own, and what is broken beside that is another fault.
    """
    each = [quarantine.release for quarantine in run.site.history.quarantines(run.site.model)]
    return [release for release in each if release is not None and release.version == champion and release.cause in BROKEN_ROWS]
