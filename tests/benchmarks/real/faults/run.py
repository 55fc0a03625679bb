"""The cases of a run: windows and kinds drawn with a seed, the product asked about each."""

import inspect
import time
import traceback
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pyarrow as pa

from modelmedic.steps.contracts.detection import Roles
from modelmedic.steps.contracts.diagnosis import Context, Diagnosis
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.core.decision.rules import decide
from modelmedic.steps.core.diagnosis.diagnosis import find_cause
from tests.benchmarks.real.faults import floor, oracle
from tests.benchmarks.real.faults.completed import completed
from tests.benchmarks.real.faults.judging import HARMFUL, Mark, mark
from tests.benchmarks.real.faults.planting import Fault, Planted, as_it_is, plant
from tests.benchmarks.real.faults.sources import Life, Scene, scenes, table

_COUNTED: Final = 0.15  # of the cases have the index of the file as a column
_KNOWS_PAST: Final = "past" in inspect.signature(find_cause).parameters


def windows(life: Life, count: int, seed: int) -> list[Scene]:
    """At most so many windows of a stream, at random, in their order."""
    each = scenes(life)
    rng = np.random.default_rng([seed, zlib.crc32(life.source.name.encode())])
    return [each[i] for i in np.sort(rng.choice(len(each), min(count, len(each)), replace=False))]


def judged(
    life: Life, chosen: Sequence[Scene], kinds: Sequence[Fault], per_window: int, seed: int, *, ask_oracle: bool = False
) -> Iterator[Mark]:
    """Each window as it is, with the index in the file and without, and with some kinds of faults:
    all kinds come about equally often.
    """
    order = np.random.default_rng([seed, 1, zlib.crc32(life.source.name.encode())])
    waiting: list[Fault] = []
    for scene in chosen:
        shared = _Shared(scene, ask_oracle)
        yield shared.judge(as_it_is(scene))
        yield shared.judge(as_it_is(scene), counter=True)
        planted, tried = 0, 0
        while planted < min(per_window, len(kinds)) and tried < len(kinds):
            waiting = waiting or [kinds[i] for i in order.permutation(len(kinds))]
            fault, tried = waiting.pop(), tried + 1
            case = plant(scene, fault, seed)
            counter = bool(order.random() < _COUNTED)
            if case is not None:
                planted += 1
                yield shared.judge(case, counter=counter)


class _Shared:
    """What all cases of a window have in common: the reference and the past."""

    def __init__(self, scene: Scene, ask_oracle: bool) -> None:
        self._scene = scene
        self._ask_oracle = ask_oracle
        self._history = floor.history(scene)
        self._tables: dict[bool, tuple[pa.Table, pa.Table]] = {}

    def judge(self, case: Planted, *, counter: bool = False) -> Mark:
        scene, policy = self._scene, self._scene.source.policy
        if counter not in self._tables:
            self._tables[counter] = (scene.reference(counter), scene.past(counter))
        reference, past = self._tables[counter]
        current = table(case.frame, scene.source, scene.end, counter=counter)
        roles = replace(policy.roles, features=()) if counter else policy.roles
        context = Context(releases=case.releases, label_delay=policy.data.labels.delay, season=policy.diagnose.seasonality)
        began = time.perf_counter()
        found = completed(case, _ask(reference, current, roles, context, past))
        took = time.perf_counter() - began
        remedy, scores = decide(found, policy).remedy, floor.scores(case, self._history)
        seen = oracle.sees(case) if self._ask_oracle and case.truth.causes and case.harm >= HARMFUL else None
        return mark(case, found, remedy, took, counter=counter, floor=scores, seen=seen)


def _ask(reference: pa.Table, current: pa.Table, roles: Roles, context: Context, past: pa.Table) -> Diagnosis:
    """The product's diagnosis; an error of it is no answer, and is told as such."""
    try:
        return find_cause(reference, current, roles, context, **({"past": past} if _KNOWS_PAST else {}))
    except Exception:
        last = traceback.format_exc(limit=-1).strip().splitlines()
        return Diagnosis(Cause.INSUFFICIENT_EVIDENCE, 0.0, sentence=f"error: {last[-1]} ({last[1].strip()})")
