"""The rollback stage: the last good version serves again, then the champion alias follows. A
retreat, so neither a freeze nor an unreachable store stops it.
"""

from modelmedic.steps.approval.requests import refusal
from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.errors import NotFound
from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.contracts.results import DiagnoseResult, RollbackResult, RollbackTime
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.contracts.words import Direction
from modelmedic.steps.core.rollout.lineage import last_good
from modelmedic.steps.heal.results import record_and_say
from modelmedic.steps.rollout.restore import restoration
from modelmedic.steps.runtime.run import Outputs, Run, lease_if_any
from modelmedic.steps.runtime.versions import alias_move


def rollback(run: Run) -> Outputs:
    """Restore the version that served before the bad one; escalate and change nothing when there is
    none that can be loaded.
    """
    if (done := run.outputs("rollback")) is not None:
        return done
    site, champion = run.site, run.site.policy.registry.champion
    bad = _bad(run)
    if no := refusal(run, "approve-remedy"):
        return record_and_say(run, RollbackResult("rejected", bad, bad, f"version {bad} goes on serving: {no}"))
    found = run.result(DiagnoseResult).diagnosis
    if found.instead is not None and found.instead == bad:
        sentence = f"{found.sentence}; version {bad} as it is registered is good, so nothing is taken back: deploy it anew"
        return record_and_say(run, RollbackResult("escalated", bad, bad, sentence))
    target = _target(run, bad)
    if target is None:
        return record_and_say(
            run, RollbackResult("escalated", bad, bad, f"version {bad} is bad, and no earlier version can be found to go back to")
        )
    serves = site.registry.alias(champion)
    if bad is not None and serves is not None and serves not in (bad, target.version):
        sentence = f"version {bad} serves no more (version {serves} does): there is nothing to take back"
        return record_and_say(run, RollbackResult("escalated", serves, serves, sentence))
    with lease_if_any(site) as lease:
        run.perform(restoration(site, target, f"restore:{run.incident.id}:{target.digest}"), lease)
    with lease_if_any(site) as lease:
        if site.registry.alias(champion) == bad:
            run.perform(alias_move(run, champion, target.version, bad, Direction.RETREAT), lease)
    stamp = run.record(RollbackTime(site.clock.now()))
    site.record_release(Release(stamp.at, target.version, bad, by=run.incident.id))
    sentence = f"version {target.version} serves all traffic again in place of version {bad}"
    run.tell("model.rolled_back", Severity.WARNING, site.policy.metadata.owner, f"{site.model}: {sentence}")
    return record_and_say(run, RollbackResult("rolled_back", bad, target.version, sentence))


def _bad(run: Run) -> str | None:
    """The version that the diagnosis blames, or the one that serves."""
    found = run.result(DiagnoseResult)
    return found.diagnosis.version or found.champion


def _target(run: Run, bad: str | None) -> ModelVersion | None:
    """The version that the comparison found to be better, else the one that served before."""
    site = run.site
    found = run.result(DiagnoseResult).diagnosis
    before = last_good(site.history.releases(site.model), bad) or site.registry.alias(site.policy.registry.previous)
    known = found.instead if found.version == bad and found.instead else before
    if known is None or known == bad:
        return None
    try:
        return site.registry.version(known)
    except NotFound:
        return None
