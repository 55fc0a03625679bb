"""The deploy stage: a validated challenger is brought from no traffic over shares of it to all
traffic and the champion alias, or taken back.

Every change is an effect of its own with an idempotent key, so that a run that was killed goes on
where it stopped. Every doubt withdraws the canary: a failed or impossible judgement, an alias that
was moved from outside, a freeze.
"""

from datetime import datetime

from modelmedic.steps.approval.requests import refusal
from modelmedic.steps.contracts.codec import to_plain
from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.errors import Refused, StoreError, Transient
from modelmedic.steps.contracts.results import CanaryStep, DeployResult, DeployTime, ValidateResult
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.contracts.words import Direction
from modelmedic.steps.heal.results import record_and_say
from modelmedic.steps.incidents.heal_metrics import tell_heal
from modelmedic.steps.rollout.canary import Canary, CanaryFailed
from modelmedic.steps.runtime.run import Outputs, Run
from modelmedic.steps.runtime.versions import alias_move


class _TakeBack(Exception):
    """Raised when the challenger may not go on; the sentence says why."""


def deploy(run: Run, version: str) -> Outputs:
    """Take a validated challenger from dark to champion, or back. Running twice changes nothing
    more.

    Raises Transient when serving or registry could not be reached: the next run goes on, unless the
    canary had to be withdrawn because of it. Every other refusal ends in a withdrawal.
    """
    if (done := run.outputs("deploy")) is not None:
        return done
    model = run.site.registry.version(version)
    before = run.result(ValidateResult).champion
    if no := refusal(run, "approve"):
        return _record(run, DeployResult("rejected", before, before, f"version {model.version} may not be deployed: {no}"))
    canary = Canary(run, model, before)
    log: list[CanaryStep] = []
    try:
        _expect_no_withdrawal(canary)
        _expect_alias(run, before, version)
        _climb(canary, run, log)
        _finish(canary, run, model, before)
    except (_TakeBack, CanaryFailed, Refused) as reason:
        canary.withdraw(str(reason))
        return _record(run, DeployResult("withdrawn", before, before, f"the canary was taken back: {reason}", tuple(log)))
    except StoreError as error:
        canary.withdraw(f"the object store is away ({error})")  # without records no canary may stay unwatched
        raise
    except Transient as error:
        if canary.beside():
            canary.withdraw(f"the heal cannot go on ({error})")  # the canary would go unwatched until the next run
        raise
    sentence = f"version {version} serves all traffic, version {before} did before"
    return _record(run, DeployResult("healed", before, version, sentence, tuple(log)))


def _climb(canary: Canary, run: Run, log: list[CanaryStep]) -> None:
    """Judge the canary dark, then at each share before the next one."""
    canary.start()
    _keep(log, run, canary.judge_dark())
    for share in run.site.policy.rollout.steps:
        canary.set_share(share)
        _keep(log, run, canary.judge(share))


def _finish(canary: Canary, run: Run, model: ModelVersion, before: str | None) -> None:
    """Give the challenger all traffic, move the aliases, the champion's last, and expect what
    serves to agree with them.
    """
    site, registry = run.site, run.site.policy.registry
    _expect_alias(run, before, model.version)
    canary.promote()
    with run.leased() as lease:
        if before is not None:
            run.perform(alias_move(run, registry.previous, before, site.registry.alias(registry.previous), Direction.ADVANCE), lease)
    with run.leased() as lease:
        run.perform(alias_move(run, registry.champion, model.version, before, Direction.ADVANCE), lease)
    site.record_release(Release(_first_seen(run), model.version, before, by=run.incident.id))
    served = site.serving.state().champion
    if served is None or served.version != model.version or served.digest != model.digest:
        raise _TakeBack(f"version {served.version if served else 'none'} serves after the promotion; expected {model.version}")


def _expect_no_withdrawal(canary: Canary) -> None:
    """Raises _TakeBack when an earlier run withdrew the canary and ended before it could record the
    result of the stage.
    """
    reason = canary.withdrawn_before()
    if reason:
        raise _TakeBack(reason)


def _expect_alias(run: Run, before: str | None, after: str) -> None:
    """Raises _TakeBack unless the alias is still at the version that the challenger was judged
    against, or at the challenger already because an earlier run got so far.
    """
    alias = run.site.policy.registry.champion
    now = run.site.registry.alias(alias)
    if now not in (before, after):
        raise _TakeBack(f"alias {alias} was moved to version {now} meanwhile; the challenger was judged against version {before}")


def _keep(log: list[CanaryStep], run: Run, step: CanaryStep) -> None:
    """Add the judgement to the log; anything but a pass ends the climb."""
    log.append(step)
    run.site.say(step.sentence)
    if step.verdict != "pass":
        raise _TakeBack(step.sentence)  # its record is the withdrawal's, which does not depend on the store
    run.note("canary.judged", **to_plain(step))


def _first_seen(run: Run) -> datetime:
    """The moment of the release, the same one however often the stage runs."""
    return run.record(DeployTime(run.site.clock.now())).at


def _record(run: Run, result: DeployResult) -> Outputs:
    outputs = record_and_say(run, result)
    tell_heal(run)
    return outputs
