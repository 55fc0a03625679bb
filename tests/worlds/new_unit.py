"""A stream in which one column comes in another unit from one day on, for ever: at first that looks
like broken data, and it is how the stream is now.
"""

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from modelmedic.steps.approval.answers import give
from modelmedic.steps.backtesting.past import read_past
from modelmedic.steps.backtesting.plan import plan_replay
from modelmedic.steps.backtesting.replayed_site import ReplayedSite
from modelmedic.steps.contracts.errors import Transient
from modelmedic.steps.contracts.heal_stages import HEAL
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.heal.engine import Walk, heal
from modelmedic.steps.heal.steps import call
from modelmedic.steps.incidents.opening import open_by_hand
from modelmedic.steps.runtime.run import Outputs, Run, Site
from tests.worlds.training import policy

START = datetime(2026, 1, 1, tzinfo=UTC)
SERVES, CHANGE, END = (START + timedelta(days=days) for days in (40, 60, 110))
WEEK = timedelta(days=7)
TABLE = tuple(stage for stage in HEAL if stage.name != "report")


def rules(**sections: Any) -> Policy:
    """Everything may be done without a person, but for what a lasting quarantine asks."""
    stated = {
        "detect": {"window": "7d"},
        "autonomy": {"retrain": "act", "recalibrate": "act"},
        "retrain": {"minRows": 500, "history": "60d"},
        "validate": {"minLabels": 200},
        "rollout": {"steps": [50], "hold": "1d", "deadline": "7d", "minRequests": 5},
    }
    return policy(**{**stated, **sections})


def rows(*, a_day: int = 100, seed: int = 3) -> pa.Table:
    """Labelled rows; `spend` decides most of the label, and is in cents from CHANGE on."""
    count = int((END - START) / timedelta(days=1) * a_day)
    rng = np.random.default_rng(seed)
    at = np.sort(rng.integers(0, int((END - START).total_seconds()), count))
    moments = [START + timedelta(seconds=int(second)) for second in at]
    age, spend, plan = rng.normal(40, 10, count), rng.gamma(4, 25, count), rng.choice(["free", "plus", "pro"], count)
    truth = 1 / (1 + np.exp(-((age - 40) / 15 + (spend - 100) / 25 + np.where(plan == "pro", -0.8, 0.3))))
    left = (rng.random(count) < truth).astype(float)
    cents = np.array([moment >= CHANGE for moment in moments])
    return pa.table({"at": moments, "age": age, "spend": spend * np.where(cents, 100, 1), "plan": plan.tolist(), "left": left})


def _killed_before(name: str, step: str, run: Run, inputs: Mapping[str, str]) -> Outputs:
    if step == name:
        raise Transient(f"killed before {name}")
    return call(step, run, inputs)


class NewUnit:
    """A site that lives through the stream; `heal` is that of a person who looks at the week before
    now.
    """

    def __init__(self, folder: Path, **sections: Any) -> None:
        past = read_past(rules(**sections), rows())
        self.replayed = ReplayedSite(past, plan_replay(past.policy, Window(START, END), SERVES), folder)
        self.site: Site = self.replayed.site

    def live_until(self, moment: datetime) -> None:
        self.replayed.clock.sleep(max(moment - self.replayed.clock.now(), timedelta(0)))

    def heal(self, killed_before: str | None = None) -> tuple[Run, Walk]:
        """Heal by hand; the first walk may be killed before a step."""
        run = open_by_hand(self.site)
        if killed_before is not None:
            with contextlib.suppress(Transient):
                heal(run, table=TABLE, step=partial(_killed_before, killed_before))
        return run, heal(run, table=TABLE)

    @property
    def trainings(self) -> list[bool]:
        """For each training so far, whether it left a model."""
        return [(folder / "model" / "MLmodel").exists() for folder in sorted(self.site.work.glob("**/out"))]

    def answer(self, run: Run, *, approved: bool, by: str = "ann") -> Walk:
        """A person's answer, and the rest of the heal."""
        give(self.site.store, self.site.clock, run.incident.id, approved=approved, by=by, reason="cents it is", policy=self.site.policy)
        return heal(run, table=TABLE)

    def asked(self, killed_before: str | None = None) -> Run:
        """The incident in which a person is asked about what has been set aside for two windows."""
        self.replayed.bootstrap()
        for week in (1, 2, 3):
            self.live_until(CHANGE + week * WEEK)
            run, walk = self.heal(killed_before)
        assert walk.waiting_at == "approve"
        return run
