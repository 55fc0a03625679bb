"""The undoing of a heal by a person: the version of before serves again, the champion alias
follows, and the records say who did it and why; called by `modelmedic undo`.
"""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.errors import BadInput, Refused
from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.contracts.results import DeployResult, RollbackResult, UndoResult
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.contracts.words import Direction
from modelmedic.steps.effects.lease import Lease
from modelmedic.steps.reporting.publish import publish_if_possible
from modelmedic.steps.review.autonomy import note_falls
from modelmedic.steps.rollout.left_open import end_left_open
from modelmedic.steps.rollout.restore import restoration
from modelmedic.steps.runtime.anchoring import anchor
from modelmedic.steps.runtime.run import Run, lease_if_any
from modelmedic.steps.runtime.versions import alias_move


@dataclass(frozen=True, slots=True)
class Change:
    """The versions before and after a heal. Undoing a promotion is a retreat; undoing a rollback is
    an advance, because it restores a version that was judged bad.
    """

    before: str
    after: str
    direction: Direction


def undo(run: Run, *, by: str, reason: str = "", dry_run: bool = False) -> str:
    """Undo the heal; a sentence on what was done, or would be. Undoing twice changes nothing more.

    Raises BadInput when the heal changed nothing that serves, Refused while a heal of the model is
    open or when somebody has moved the alias since; undoing a rollback is refused under a freeze as
    well, because it advances. Raises Transient while another process of this machine undoes it.
    """
    with nullcontext() if dry_run else run.alone("undone"):
        return _undo(run, by, reason, dry_run)


def _undo(run: Run, by: str, reason: str, dry_run: bool) -> str:
    site, change = run.site, changed(run)
    target = site.registry.version(change.before)
    now = site.registry.alias(site.policy.registry.champion)
    _expect_quiet(run, change, now)
    sentence = f"version {change.before} serves all traffic again in place of version {change.after}"
    if dry_run:
        return sentence
    if change.direction is Direction.RETREAT:
        with lease_if_any(site) as lease:
            _switch(run, change, target, lease)
    else:
        with site.lease() as held:
            _switch(run, change, target, held)
    end_left_open(site, site.trail.later(run.incident.opened_at))
    _record(run, change, UndoResult(site.clock.now(), by, reason, sentence))
    for fallen in note_falls(site):
        site.say(fallen)
    anchor(site)
    return sentence


def changed(run: Run) -> Change:
    """Raises BadInput when nothing that serves was changed."""
    deployed, rolled = run.result_if_any(DeployResult), run.result_if_any(RollbackResult)
    if deployed and deployed.outcome == "healed" and deployed.before and deployed.after:
        return Change(deployed.before, deployed.after, Direction.RETREAT)
    if rolled and rolled.outcome == "rolled_back" and rolled.before and rolled.after:
        return Change(rolled.before, rolled.after, Direction.ADVANCE)
    raise BadInput(f"incident {run.incident.id} changed nothing that serves; expected one that was healed or rolled back")


def _expect_quiet(run: Run, change: Change, now: str | None) -> None:
    current, alias = run.site.ledger.current(run.site.model), run.site.policy.registry.champion
    if current is not None:
        raise Refused(f"incident {current.id} of {run.site.model} is open; expected it closed first: `modelmedic incidents {current.id}`")
    if now not in (change.before, change.after):
        raise Refused(
            f"alias {alias} is at version {now}; incident {run.incident.id} put version {change.after} there, so what came later "
            "has to be undone first"
        )


def _switch(run: Run, change: Change, target: ModelVersion, lease: Lease | None) -> None:
    site, alias = run.site, run.site.policy.registry.champion

    key = f"undo:{run.incident.id}:{target.digest}"
    run.perform(restoration(site, target, key, change.direction, instead_of=change.after), lease)
    if site.registry.alias(alias) == change.after:
        run.perform(alias_move(run, alias, target.version, change.after, change.direction), lease)


def _record(run: Run, change: Change, new: UndoResult) -> None:
    """Write down, once, who undid the heal and why, also where an earlier run was killed while it
    did so.
    """
    site, undone = run.site, run.record(new)
    by, why, summary = undone.by, undone.reason or "no reason was given", f"{site.model}: {undone.by} undid a heal"
    site.record_release(Release(undone.at, change.before, change.after, by=by))

    def tell() -> None:
        run.tell("heal.undone", Severity.WARNING, site.policy.metadata.owner, summary, f"{undone.sentence}: {why}")

    facts: dict[str, Any] = {"by": by, "reason": undone.reason, "before": change.after, "after": change.before}
    facts["sentence"] = f"{by}: {undone.sentence}"
    if run.once("heal.undone", "undo", documents=[run.stage_key(UndoResult.name)], first=tell, **facts):
        publish_if_possible(site, run.incident)
