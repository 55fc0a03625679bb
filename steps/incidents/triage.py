"""Triage: from an alert body to incidents. An alert opens an incident only where the monitor's
verdicts, or its looks at the ageing, bear it out. Called by the entry point `triage`, which the
Sensor starts.

Run again with the same body, by two pods at once, or after a kill anywhere: one incident, one
Workflow. A refusal is recorded under its digest, in the trail of the model or, where no model of
ours is named, in a trail of its own.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, Final, Protocol

from modelmedic.steps.adapters.clocks import SystemClock
from modelmedic.steps.contracts.audit import Phase
from modelmedic.steps.contracts.codec import canonical, sha256, to_plain
from modelmedic.steps.contracts.detection import Verdict
from modelmedic.steps.contracts.errors import BadInput, ModelmedicError, Refused
from modelmedic.steps.contracts.formats import parse
from modelmedic.steps.contracts.keys import policy_key, verdict_folder
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import Clock, ObjectStore, Workflows
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import VerdictState
from modelmedic.steps.core.decision.limits import replaces_champion
from modelmedic.steps.core.incidents.alerts import FiringAlert, Refusal, read_alerts
from modelmedic.steps.core.incidents.incident_window import due_window, evidence_window
from modelmedic.steps.incidents.opening import ensure_heal, note_opening
from modelmedic.steps.incidents.repeats import find_repeat
from modelmedic.steps.records import documents
from modelmedic.steps.records.ageing_looks import answered, newest_look
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.freezes import Freezes
from modelmedic.steps.records.ledger import Ledger
from modelmedic.steps.records.outbox import Outbox
from modelmedic.steps.runtime.run import Outputs

PAYS: Final = "ModelmedicRetrainingPays"
RELEASE: Final = "ModelmedicReleaseBad"
SICK: Final = frozenset({"ModelmedicRequestsFail", "ModelmedicSlow"})
HEALS: Final = frozenset({"ModelmedicDrift", "ModelmedicDegraded", "ModelmedicDataBroken", PAYS, RELEASE}) | SICK  # open incidents
NOBODY: Final = "ALERTS"  # the trail of alerts that name no model of ours; no policy has a name in capitals
_ACTOR: Final = "triage"
_MOST_REFUSALS: Final = 20  # of one body that are recorded one by one
_REPEATED: Final = 100  # latest records of a trail that are searched for a repetition
_RECENT: Final = timedelta(days=30)  # as far back as the alerts themselves look


class TriageWorkspace(Protocol):
    """The part of the workspace that triage needs."""

    @property
    def store(self) -> ObjectStore: ...

    @property
    def actor(self) -> str: ...

    @property
    def workflows(self) -> Workflows: ...

    def fleet(self) -> Mapping[str, Mapping[str, str]]: ...

    def outbox(self, model: str, say: Callable[[str], None]) -> Outbox | None: ...


@dataclass
class _Batch:
    """One alert body in work, and the counts of its alerts so far."""

    workspace: TriageWorkspace
    clock: Clock
    say: Callable[[str], None]
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("opened", "attached", "refused"), 0))

    def trail(self, model: str) -> "_Trail":
        outbox = self.workspace.outbox(model, self.say)
        return _Trail(AuditTrail(self.workspace.store, model, self.clock, self.workspace.actor, outbox))


def triage(workspace: TriageWorkspace, body: bytes, say: Callable[[str], None], clock: Clock | None = None) -> Outputs:
    """Sort the alerts of one body; the numbers of those that opened an incident, were attached to
    one, and were refused.

    One model's error keeps no other waiting: the first is raised once every model had its turn.
    """
    batch = _Batch(workspace, clock or SystemClock(), say)
    reading, fleet = read_alerts(body), workspace.fleet()
    failed: list[ModelmedicError] = []
    strangers: list[Refusal] = []
    for model, alerts in groupby(sorted(reading.alerts, key=lambda alert: alert.model), key=lambda alert: alert.model):
        if model not in fleet:
            strangers += (Refusal(_digest(each), f"{each.name} names the model {model}, which no policy here is about") for each in alerts)
            continue
        try:
            _model(batch, model, fleet[model], list(alerts))
        except ModelmedicError as error:
            failed.append(error)
            say(f"{model}: {error}")
    _leftovers(batch, (*strangers, *reading.refused), reading.truncated)
    if failed:
        raise failed[0]
    return {name: str(count) for name, count in batch.counts.items()}


def _model(batch: _Batch, model: str, facts: Mapping[str, str], alerts: list[FiringAlert]) -> None:
    trail, ledger = batch.trail(model), Ledger(batch.workspace.store, batch.clock)
    for alert in alerts:
        if alert.name in HEALS:
            _drifted(batch, ledger, facts["policy"], alert, trail)
        else:
            trail.once("alert.noted", _digest(alert), _said(alert))
            batch.say(f"{model}: {alert.name} is for people; no incident is opened for it")
    current = ledger.current(model)
    if current is not None and ensure_heal(batch.workspace.workflows, facts["heal"], current, _ACTOR, trail.trail):
        batch.say(f"{model}: the heal of incident {current.id} is started")


def _drifted(batch: _Batch, ledger: Ledger, policy_hash: str, alert: FiringAlert, trail: "_Trail") -> None:
    """Attach the alert to the open incident, or open one if a verdict or a look bears it out."""
    current = ledger.current(alert.model)
    try:
        seek = _SEEK.get(alert.name, _evidence)
        window = current.window if current else seek(batch, ledger, policy_hash, alert.model)
    except Refused as error:
        _refuse(batch, trail, _digest(alert), f"{alert.name}: {error}")
        return
    facts = {"fingerprint": alert.fingerprint, "since": str(to_plain(alert.started_at))}
    incident, opened = ledger.open_incident(alert.model, policy_hash, window, alert.name, facts)
    batch.counts["opened" if opened else "attached"] += 1
    # an earlier run may have been killed between opening the incident and recording it
    by_this = incident.alert == alert.name and dict(incident.facts) == facts
    if by_this:
        note_opening(trail.trail, incident, _said(alert))
    else:
        trail.once("alert.attached", _digest(alert), {**_said(alert), "window": to_plain(incident.window)}, incident.id)
    batch.say(f"{alert.model}: {alert.name} {'opened' if opened else 'belongs to'} incident {incident.id}")


def _evidence(batch: _Batch, ledger: Ledger, policy_hash: str, model: str) -> Window:
    """The window of the newest verdict that alarms. Raises Refused when none does since the last
    incident was closed, or when it repeats that incident.
    """
    policy, now = _policy(batch, policy_hash, model), batch.clock.now()
    last = max(ledger.past_heals(model), key=lambda heal: heal.at, default=None)
    since = max(now - _RECENT, last.at) if last else now - _RECENT
    seen = list(_verdicts(batch.workspace.store, model, now - _RECENT))
    verdict = next((v for v in seen if v.alarming and (v.measured_at or since) > since), None)
    if verdict is None or verdict.window is None:
        raise Refused(f"no verdict on {model} alarms since {since:%Y-%m-%dT%H:%MZ}; an alert alone is no evidence")
    if last is not None and replaces_champion(last) and now < last.at + policy.settle and verdict.state is not VerdictState.BROKEN:
        raise Refused(f"windows of {model} hold rows of the champion before the last heal until {last.at + policy.settle:%Y-%m-%dT%H:%MZ}")
    earlier = [v for v in reversed(seen) if v.model_version == verdict.model_version]
    freezes = Freezes(batch.workspace.store, batch.clock)
    aged = newest_look(batch.workspace.store, model, now)
    again = find_repeat(ledger, freezes, policy, verdict.model_version or "", verdict, earlier, now, aged)
    if again is not None:
        raise Refused(f"it shows nothing beyond incident {again.incident}: {again.reason}")
    return evidence_window(verdict, policy)


def _evidence_of_age(batch: _Batch, ledger: Ledger, policy_hash: str, model: str) -> Window:
    """The newest window with labels, when the newest look at the ageing finds a training due.
    Raises Refused when it does not, when a training or an incident came after it, or when it is
    old.
    """
    policy, now = _policy(batch, policy_hash, model), batch.clock.now()
    seen = newest_look(batch.workspace.store, model, now)
    if seen is None or not seen.due or not seen.holds(now):
        raise Refused(f"no look at the ageing of {model} finds a training due; an alert alone is no evidence")
    if answered(ledger, seen):
        raise Refused(f"the look of {seen.at:%Y-%m-%dT%H:%MZ} at the ageing of {model} has been answered by an incident or a training")
    return due_window(policy, Window(now - policy.detect.window, now))


def _evidence_of_release(_batch: _Batch, _ledger: Ledger, _policy_hash: str, model: str) -> Window:
    """Always raises Refused: the monitor opens such an incident before it pushes what the alert
    fires for, so without an open one the release has been dealt with.
    """
    raise Refused(f"no incident of {model} is open, and the monitor opens those about a release itself")


def _evidence_of_service(_batch: _Batch, _ledger: Ledger, _policy_hash: str, model: str) -> Window:
    """Always raises Refused: the sweep opens such an incident within five minutes of the failures,
    before the alert has held for long enough to fire.
    """
    raise Refused(f"no incident of {model} is open, and the sweep opens those about the service itself")


_SEEK: Final = {PAYS: _evidence_of_age, RELEASE: _evidence_of_release, **dict.fromkeys(SICK, _evidence_of_service)}


def _policy(batch: _Batch, policy_hash: str, model: str) -> Policy:
    policy = documents.read(batch.workspace.store, Policy, policy_key(policy_hash))
    if policy is None:
        raise Refused(f"the policy of {model} is not in the store yet; expected its monitor or its bootstrap to have put it there")
    return policy


def _verdicts(store: ObjectStore, model: str, since: datetime) -> Iterable[Verdict]:
    """The stored verdicts on every version, newest first; a verdict is measured at the end of its
    window or later.
    """
    first = f"{since - _RECENT:%Y%m%dT%H%M%SZ}"
    keys = [key for key in store.list(verdict_folder(model)) if key.rpartition("/")[2] >= first]
    for key in sorted(keys, key=lambda key: key.rpartition("/")[2], reverse=True):
        yield parse(Verdict, store.get(key).data, key)


def _leftovers(batch: _Batch, refused: tuple[Refusal, ...], truncated: int) -> None:
    """Record the alerts about no model of ours, one by one up to a bound: a flood of nonsense may
    not become a flood of records.
    """
    if not refused and not truncated:
        return
    trail = batch.trail(NOBODY)
    for refusal in refused[:_MOST_REFUSALS]:
        _refuse(batch, trail, refusal.digest, refusal.sentence)
    rest = refused[_MOST_REFUSALS:]
    batch.counts["refused"] += len(rest)
    if rest:
        together = sha256("".join(refusal.digest for refusal in rest).encode())
        trail.once("alert.refused", together, {"sentence": f"{len(rest)} more alerts of one body were refused", "count": len(rest)})
    if truncated:
        sentence = f"Alertmanager left out {truncated} alerts (max_alerts)"
        trail.once("alert.truncated", sha256(sentence.encode()), {"sentence": sentence, "count": truncated})
        batch.say(f"{sentence}; the monitors' next runs and the sweep find what they were about")


def _refuse(batch: _Batch, trail: "_Trail", digest: str, sentence: str) -> None:
    batch.counts["refused"] += 1
    trail.once("alert.refused", digest, {"digest": digest, "sentence": sentence})
    batch.say(f"refused: {sentence}")


@dataclass
class _Trail:
    """A trail that records the same note once, as far as its latest records tell."""

    trail: AuditTrail

    @cached_property
    def _known(self) -> set[str]:
        return {record.key for record, _ in zip(self.trail.latest(), range(_REPEATED), strict=False) if record.key}

    def once(self, event: str, digest: str, facts: Mapping[str, Any], incident: str | None = None) -> None:
        key = f"{event}/{incident or 'none'}/{digest}"
        if key not in self._known:
            self._known.add(key)
            self.trail.append(event, Phase.NOTE, incident=incident, key=key, facts=facts)


def send_late_refusals(workspace: TriageWorkspace, say: Callable[[str], None]) -> None:
    """Send the records about alerts of no model that were not sent as events yet. Never raises."""
    outbox = workspace.outbox(NOBODY, say)
    if outbox is not None:
        outbox.catch_up(AuditTrail(workspace.store, NOBODY, SystemClock(), workspace.actor).entries_from)


def _digest(alert: FiringAlert) -> str:
    return sha256(canonical(to_plain(alert)))


def _said(alert: FiringAlert) -> dict[str, str]:
    return {"alert": alert.name, "fingerprint": alert.fingerprint, "since": str(to_plain(alert.started_at)), "digest": _digest(alert)}


def decode_payload(file: Path) -> bytes:
    """The base64 content of the file, decoded; the raw content when it is no base64, so that the
    refusal is recorded for what it is. Raises BadInput.
    """
    try:
        text = file.read_bytes()
    except OSError as error:
        raise BadInput(f"payload {file} cannot be read: {error}; expected the alert body that the Sensor passes") from error
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        return text
