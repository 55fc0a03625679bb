"""The canary: a challenger beside the champion, started dark, given shares of the traffic, judged,
promoted or withdrawn, each change a recorded effect; called by the deploy stage.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from modelmedic.steps.contracts.comparison import AnswerLikeness
from modelmedic.steps.contracts.errors import BadInput, ModelmedicError, Transient
from modelmedic.steps.contracts.inference_log import PREDICTION
from modelmedic.steps.contracts.results import CanaryStep
from modelmedic.steps.contracts.serving import ServingState, Traffic
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.contracts.words import Direction
from modelmedic.steps.core.comparison.canary import CanaryAsModel, beside, judge_model
from modelmedic.steps.core.comparison.likeness import likeness
from modelmedic.steps.core.rollout.canary_judgement import DarkReplay, Judgement, judge_replay, judge_share, share_begun, traffic_between
from modelmedic.steps.core.statistics.latency import p95
from modelmedic.steps.core.tables.thinning import thin
from modelmedic.steps.effects.lease import LONGEST
from modelmedic.steps.effects.perform import Effect
from modelmedic.steps.incidents.heal_metrics import tell_heal
from modelmedic.steps.rollout.paired_answers import PairedAnswers, Role
from modelmedic.steps.rollout.recent_requests import recent_requests
from modelmedic.steps.runtime.run import Run, lease_if_any

_REPLAY_ROWS = 25  # rows a request: enough for a p95 over twenty requests of the default replay


@dataclass(frozen=True, slots=True)
class _ReplayedAnswers:
    values: tuple[float, ...]
    version: str
    p95_ms: float


class CanaryFailed(Exception):
    """Raised when the challenger does not start or does not answer; the sentence says how it
    showed.
    """


class Canary:
    """The canary of one challenger in one incident; `before` is the champion that it may
    replace.
    """

    def __init__(self, run: Run, model: ModelVersion, before: str | None) -> None:
        self._run = run
        self._model = model
        self._before = before
        self._serving = run.site.serving
        self._likeness_in_the_dark: AnswerLikeness | None = None

    def start(self) -> None:
        """Start the canary dark, without traffic. A challenger that an earlier run has promoted
        counts as started.
        """
        serving = self._serving

        def act() -> None:
            serving.start_canary(self._model, expected=serving.state().generation)

        self._advance("canary.started", "canary", act, lambda state: self._is_canary(state) or self._is_champion(state))

    def judge_dark(self) -> CanaryStep:
        """Replay requests of the validation, whose served predictions have to be the validated
        ones, and the newest requests of the log, which the champion has answered as well. The
        champion is asked the newest ones, or validation's where the log has too few.
        """
        site = self._run.site
        if self._is_champion(self._serving.state()):
            return self._step_of_champion(0)
        rows = thin(site.references.replay(self._model.version), site.policy.rollout.replayRequests)
        recent = recent_requests(site, self._before, site.policy.rollout.replayRequests)
        with _blaming_the_challenger():
            answers = self._replayed(rows, "canary")
            newest = self._replayed(recent, "canary") if recent is not None else answers
        champion = self._champion_replay(rows if recent is None else recent)
        if champion is not None and champion.version == self._before:
            self._likeness_in_the_dark = likeness(*(np.asarray(each.values, dtype=np.float64) for each in (newest, champion)))
        replay = DarkReplay(
            task=site.policy.data.task,
            expected=tuple(rows.column(PREDICTION).to_pylist()),
            served=answers.values,
            version=answers.version,
            asked_for=self._model.version,
            recent=newest.values if recent is not None else (),
            p95_ms=newest.p95_ms,
            champion_p95_ms=champion.p95_ms if champion is not None else None,
        )
        return self._step(0, judge_replay(replay, site.policy.validation.latencyP95Ms), champion_p95_ms=replay.champion_p95_ms)

    def set_share(self, share: int) -> None:
        serving = self._serving

        def act() -> None:
            serving.set_share(share, expected=serving.state().generation)

        def there(state: ServingState) -> bool:
            return self._is_champion(state) or (self._is_canary(state) and state.canary_percent >= share)

        self._advance("share.set", f"share:{share}", act, there, {"percent": share})
        tell_heal(self._run)

    def judge(self, share: int) -> CanaryStep:
        """Judge the canary once it has held the share long enough and answered enough requests, or
        at the deadline.
        """
        site, rollout = self._run.site, self._run.site.policy.rollout
        if self._is_champion(self._serving.state()):
            return self._step_of_champion(share)
        started, first = site.clock.now(), self._traffic()
        pairs = PairedAnswers(site, self._answered_again, self._model.version, self._before or "", started)
        pause = max(min(rollout.hold, rollout.deadline / 10), timedelta(seconds=1))
        site.say(share_begun(share, rollout))
        while True:
            site.clock.sleep(pause)
            step = self._judge_once(share, first, started, pairs)
            if step.verdict == "hold":
                site.say(step.sentence)
            if step.verdict != "hold":
                return step

    def promote(self) -> None:
        serving = self._serving

        def act() -> None:
            serving.promote(expected=serving.state().generation)

        self._advance("canary.promoted", "promote", act, self._is_champion)

    def withdraw(self, reason: str) -> None:
        """Give all traffic back to the champion of before; a retreat, which neither a freeze nor an
        unreachable store stops.
        """
        run, serving = self._run, self._serving

        def act() -> None:
            state = serving.state()
            if self._is_champion(state) and self._before is not None:
                serving.restore(self._last_good(state, self._before))
            else:
                serving.withdraw()

        def read_back() -> Mapping[str, Any] | None:
            state = serving.state()
            gone = state.canary is None and not self._is_champion(state)
            champion = state.champion.version if state.champion else None
            return {"champion": champion, "reason": reason} if gone else None  # the outcome alone outlives a pod without its store

        facts = {"version": self._model.version, "reason": reason}
        with lease_if_any(self._run.site) as lease:
            run.perform(Effect("canary.withdrawn", self._withdrawal, Direction.RETREAT, act, read_back, facts), lease)

    def beside(self) -> bool:
        """True when the canary runs beside the champion, ready or not."""
        canary = self._serving.state().canary
        return canary is not None and canary.digest == self._model.digest

    def withdrawn_before(self) -> str | None:
        """The reason for which an earlier run of this stage withdrew the canary; None when none
        did.
        """
        self._run.site.catch_up()
        earlier = self._run.journal.earlier(self._withdrawal)
        return str(earlier.facts.get("reason", "an earlier run took it back")) if earlier else None

    @property
    def _withdrawal(self) -> str:
        return f"withdraw:{self._run.incident.id}:{self._model.digest}"

    def _last_good(self, state: ServingState, version: str) -> ModelVersion:
        """The version as the serving object has recorded it, so that a retreat does not need the
        registry.
        """
        kept = state.previous
        if kept is not None and kept.version == version:
            return ModelVersion(self._model.name, kept.version, kept.digest, kept.uri)
        return self._run.site.registry.version(version)

    def _advance(
        self, event: str, key: str, act: Callable[[], None], there: Callable[[ServingState], bool], facts: Mapping[str, Any] | None = None
    ) -> None:
        def read_back() -> Mapping[str, Any] | None:
            state = self._serving.state()
            return {"generation": state.generation, "percent": state.canary_percent} if there(state) else None

        run, model = self._run, self._model
        whole = {"version": model.version, "digest": model.digest, **(facts or {})}
        effect = Effect(event, f"{key}:{run.incident.id}:{model.digest}", Direction.ADVANCE, act, read_back, whole)
        with run.leased(LONGEST) as lease, _blaming_the_challenger():
            run.perform(effect, lease)

    def _step_of_champion(self, share: int) -> CanaryStep:
        return self._step(share, Judgement("pass", f"version {self._model.version} serves already"))

    def _judge_once(self, share: int, first: Mapping[str, Traffic] | None, started: datetime, pairs: PairedAnswers) -> CanaryStep:
        policy, now = self._run.site.policy, self._traffic()
        canary, champion = (
            traffic_between(now[who], first[who]) if now and first and who in now and who in first else None
            for who in ("canary", "champion")
        )
        waited = self._run.site.clock.now() - started
        judgement = judge_share(canary, champion, policy.rollout, policy.validation.latencyP95Ms, share, waited)
        seen = self._as_model(pairs) if canary is not None and canary.requests else None
        if seen is not None:
            judgement = beside(judgement, judge_model(seen, share, len(policy.rollout.steps)))
        step = self._step(share, judgement, canary, champion.latency_p95_ms if champion else None)
        return _with_model(step, seen) if seen is not None else step

    def _as_model(self, pairs: PairedAnswers) -> CanaryAsModel:
        losses, live = pairs.look()
        return CanaryAsModel(self._before or "none", losses, live, self._likeness_in_the_dark)

    def _answered_again(self, rows: pa.Table, to: Role) -> tuple[float, ...]:
        return self._replayed(rows, to).values

    def _step(self, share: int, judgement: Judgement, seen: Traffic | None = None, champion_p95_ms: float | None = None) -> CanaryStep:
        return CanaryStep(
            share=share,
            requests=seen.requests if seen else 0,
            failures=seen.failures if seen else 0,
            canary_p95_ms=seen.latency_p95_ms if seen else None,
            champion_p95_ms=champion_p95_ms,
            verdict=judgement.verdict,
            sentence=judgement.sentence,
            at=self._run.site.clock.now(),
            judged=judgement.judged,
        )

    def _traffic(self) -> Mapping[str, Traffic] | None:
        try:
            return self._serving.traffic()
        except Transient:
            return None

    def _replayed(self, rows: pa.Table, to: Role) -> _ReplayedAnswers:
        data = self._run.site.policy.data
        asked = rows.select([c for c in (*data.numeric, *data.categorical, data.time) if c in rows.column_names])
        answers = [self._serving.infer(asked.slice(at, _REPLAY_ROWS), to=to) for at in range(0, rows.num_rows, _REPLAY_ROWS)]
        values = tuple(value for answer in answers for value in answer.values)
        return _ReplayedAnswers(values, answers[-1].version if answers else "", p95(answer.latency_ms for answer in answers) or 0.0)

    def _champion_replay(self, rows: pa.Table) -> _ReplayedAnswers | None:
        """The champion's answers to the same requests; None when the champion does not answer,
        which does not count against the canary.
        """
        try:
            return self._replayed(rows, "champion")
        except ModelmedicError:
            return None

    def _is_canary(self, state: ServingState) -> bool:
        return state.canary is not None and state.canary.digest == self._model.digest and state.canary.ready

    def _is_champion(self, state: ServingState) -> bool:
        return state.champion is not None and state.champion.digest == self._model.digest


def _with_model(step: CanaryStep, seen: CanaryAsModel) -> CanaryStep:
    losses, live = seen.losses, seen.live
    if losses is not None:
        step = replace(step, labels=losses.rows, canary_loss=losses.canary, champion_loss=losses.champion)
    return replace(step, compared=live.rows, correlation=live.correlation, distance=live.distance) if live is not None else step


@contextmanager
def _blaming_the_challenger() -> Iterator[None]:
    """Turn an error of serving into CanaryFailed: serving has waited long enough, so an answer that
    does not come, or comes from no model, is the challenger's fault.
    """
    try:
        yield
    except (Transient, BadInput) as error:
        raise CanaryFailed(str(error)) from error
