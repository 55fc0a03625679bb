"""The run of a gameday: one first champion, and each fault played on a site of its own from the
same calm windows on. Only a scratch folder is written, which is gone afterwards.
"""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.backtesting.models import Floats, Predict
from modelmedic.steps.backtesting.past import Past
from modelmedic.steps.backtesting.policy_loop import look
from modelmedic.steps.backtesting.replayed_site import ReplayedSite, look_interval
from modelmedic.steps.backtesting.run import replayable
from modelmedic.steps.contracts.errors import BadInput, ModelmedicError
from modelmedic.steps.contracts.inference_log import REQUEST_ID
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.results import DiagnoseResult
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.tables.moments import microseconds
from modelmedic.steps.gameday.dying import ENTRYPOINT
from modelmedic.steps.gameday.faults import ROW_FAULTS, Ground, Planted, as_it_is
from modelmedic.steps.gameday.judging import EXPECTED, Drill, Observed, judge
from modelmedic.steps.gameday.plan import GamedayPlan
from modelmedic.steps.gameday.seen import fault_of_records, incidents_since, told_blind
from modelmedic.steps.runtime.run import Run
from modelmedic.steps.training.process import in_this_process

Tell = Callable[[str, datetime], None]  # gets the fault that is played, and the played time
_BENEATH: Final = {"crash": "concept", "store-away": "units"}  # the fault of rows that brings the loop to act
_PLANTED: Final = {
    "release": "a version whose answers are turned round stands behind the champion's alias",
    "crash": "the training function is killed each time; so that it is called, {}",
    "store-away": "the store answers nothing for a detection window, while {}",
}
_COLUMN: Final = frozenset({"units", "nulls", "stuck", "stale", "concept"})


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """A fault by its name, and the column that it breaks; None: the fault's own choice."""

    name: str
    column: str | None = None

    def __str__(self) -> str:
        return f"{self.name}:{self.column}" if self.column else self.name


@dataclass(frozen=True, slots=True)
class Gameday:
    """The drills of one model in the order in which they were asked for."""

    model: str
    plan: GamedayPlan
    seed: int
    drills: tuple[Drill, ...]

    @property
    def holds(self) -> bool:
        return all(each.holds for each in self.drills)


def fault_named(text: str) -> PlannedFault:
    """The fault that `NAME` or `NAME:COLUMN` names. Raises BadInput for one that is none."""
    name, _, column = text.partition(":")
    if name not in EXPECTED:
        raise BadInput(f"fault {name!r} is none; expected one of {', '.join(EXPECTED)}")
    if column and name not in _COLUMN:
        raise BadInput(f"fault {name} breaks no column, and {text!r} names one; expected {name}")
    return PlannedFault(name, column or None)


def plant(past: Past, plan: GamedayPlan, fault: PlannedFault, seed: int) -> Planted:
    """The rows up to the end of the gameday with the fault in them. Raises BadInput for a column
    that the fault cannot break, or when no row comes after the fault's moment.
    """
    last = past.places(Window(past.span.start, plan.after.end)).stop
    first = past.places(plan.after).start
    if first == last or first == 0:
        raise BadInput(f"there are no rows on both sides of {plan.after.start:%Y-%m-%dT%H:%MZ}; expected some")
    ground = Ground(past.policy, past.rows.slice(0, last), first, seed, fault.column)
    return ROW_FAULTS.get(_BENEATH.get(fault.name, fault.name), as_it_is)(ground)


def described(fault: PlannedFault, planted: Planted) -> str:
    """One sentence: what stands in the rows, and what is done beside them."""
    return _PLANTED.get(fault.name, "{}").format(planted.sentence)


def gameday(past: Past, plan: GamedayPlan, faults: Sequence[PlannedFault], *, seed: int = 0, tell: Tell = lambda _f, _now: None) -> Gameday:
    """Play each fault. Raises BadInput or Refused when the first champion cannot be trained."""
    past = replace(past, policy=replayable(past.policy))
    planted = [plant(past, plan, fault, seed) for fault in faults]
    with tempfile.TemporaryDirectory(prefix="modelmedic-gameday-") as scratch:
        calm = ReplayedSite(past, plan.replay, Path(scratch) / "first")
        with _process(past.policy):
            calm.bootstrap()
        drills = tuple(_drill(calm, *pair, Path(scratch) / f"{n}", tell) for n, pair in enumerate(zip(faults, planted, strict=True)))
    return Gameday(past.policy.name, plan, seed, drills)


def _process(policy: Policy) -> "nullcontext[None]":
    """The built-in learner trains in this process, a training function in one of its own."""
    return in_this_process() if policy.retrain.entrypoint == "builtin" else nullcontext()  # type: ignore[return-value]


def _drill(calm: ReplayedSite, fault: PlannedFault, planted: Planted, folder: Path, tell: Tell) -> Drill:
    policy = _dying(calm.past.policy) if fault.name == "crash" else calm.past.policy
    past = Past(policy, planted.rows, microseconds(planted.rows[policy.data.time]))
    played = ReplayedSite(past, calm.plan, folder, tell=lambda now: tell(str(fault), now))
    played.adopt(calm)
    broken = frozenset(planted.rows[REQUEST_ID].filter(pa.array(planted.broken)).to_pylist())
    with _process(policy):
        seen = _play(played, fault, broken)
    found, at = judge(fault.name, seen), calm.plan.windows[-1].start
    by = found.by
    return Drill(
        str(fault),
        described(fault, planted),
        EXPECTED[fault.name].said,
        found.grade,
        found.sentence,
        by.cause if by else None,
        by.columns[:3] if by else (),
        by.remedy if by else None,
        by.outcome if by else None,
        (found.at - at).total_seconds() / 3600 if found.at else None,
        past.between(Window(at, max(at, found.at))).num_rows if found.at else None,
        tuple(seen.incidents),
    )


def _play(played: ReplayedSite, fault: PlannedFault, broken: frozenset[str]) -> Observed:
    site, (calm, after) = played.site, played.plan.windows
    alias = site.policy.registry.champion
    failed = _until(played, calm.end)
    before = site.registry.alias(alias)
    released = played.serve(_turned(played), "gameday-release") if fault.name == "release" else None
    if fault.name == "store-away":
        _without_store(played)
    failed = _until(played, after.end) or failed
    return Observed(
        before,
        site.registry.alias(alias),
        tuple(incidents_since(site, after.start, broken)),
        released,
        told_blind(site, after.start),
        fault_of_records(site),
        failed,
    )


def _until(played: ReplayedSite, end: datetime) -> str:
    """Look four times a window until then; the sentence of the first error that ended a run of the
    loop, as an error ends a pod, and the next run goes on.
    """
    failed = ""
    while (rest := end - played.clock.now()).total_seconds() > 0:
        played.clock.sleep(min(look_interval(played.site.policy), rest))
        try:
            look(played.site, _approves)
        except ModelmedicError as error:
            failed = failed or str(error)
    return failed


def _approves(run: Run) -> bool:
    """The answer of people who know what was planted: yes, but not to learning from rows that were
    set aside.
    """
    found = run.site.ledger.result(run.incident, DiagnoseResult)
    return found is None or found.lasting is None


def _without_store(played: ReplayedSite) -> None:
    """A detection window in which every call of the store fails, and what that raises is no
    fault.
    """
    store = played.site.store
    assert isinstance(store, MemoryStore)
    store.unreachable = True
    try:
        _until(played, played.clock.now() + played.site.policy.detect.window)
    finally:
        store.unreachable = False


def _turned(played: ReplayedSite) -> Predict:
    """The champion's answers turned round: the other class's probability, or mirrored about their
    mean before the fault.
    """
    champion = played.site.registry.alias(played.site.policy.registry.champion)
    assert champion is not None
    good = played.ask(champion)
    if played.site.policy.data.task is Task.BINARY:
        return lambda rows: 1 - good(rows)
    middle = 2 * float(np.mean(good(played.past.between(played.plan.windows[0]))))

    def mirrored(rows: pa.Table) -> Floats:
        return middle - good(rows)

    return mirrored


def _dying(policy: Policy) -> Policy:
    return policy.model_copy(update={"retrain": policy.retrain.model_copy(update={"entrypoint": ENTRYPOINT})})
