"""Models that were trained at moments of the past on retrain.history. Each is trained once,
whichever ways of running the model ask for it, and answers every later row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from modelmedic.steps.backtesting.models import Floats, Predict, train_on
from modelmedic.steps.backtesting.past import Past
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.window import Window

_LEAST_ROWS = 50  # labelled ones: what is taught by fewer, as after a gap of months, is no model


@dataclass(frozen=True, slots=True)
class TaughtModel:
    """A model of what was known at `at`. `answers` are to the rows of the past from place `first`
    on, none of which taught it.
    """

    at: datetime
    first: int
    answers: Floats

    def on(self, places: slice) -> Floats:
        """The answers to the rows at these places, none of them before `first`."""
        return self.answers[places.start - self.first : places.stop - self.first]


class TaughtModels:
    """The models of one past by the moment at which they were trained.

    `place` is a folder for their files; `train` is replaced by tests alone.
    """

    def __init__(self, past: Past, place: Path, train: Callable[..., Predict] = train_on) -> None:
        self._past, self._place, self._train = past, place, train
        self._models: dict[datetime, TaughtModel | None] = {}

    def at(self, moment: datetime) -> TaughtModel | None:
        """The model of the labels that are known at the moment; None where they are too few, or no
        model came of them.
        """
        if moment not in self._models:
            self._models[moment] = self._taught(moment)
        return self._models[moment]

    def _taught(self, moment: datetime) -> TaughtModel | None:
        past = self._past
        rows = known_history(past, moment)
        if rows.num_rows < _LEAST_ROWS:
            return None
        try:
            model = self._train(past.policy, rows, self._place / f"{moment:%Y%m%dT%H%M%S%f}")
        except BadInput:
            return None
        later = past.places(Window(moment - past.policy.data.labels.delay, max(moment, past.span.end)))
        return TaughtModel(moment, later.start, model(past.rows.slice(later.start, later.stop - later.start)))


def known_history(past: Past, now: datetime) -> pa.Table:
    """The rows of the last retrain.history whose labels are known by `now`."""
    end = now - past.policy.data.labels.delay
    return past.known(Window(end - past.policy.retrain.history, end), now)
