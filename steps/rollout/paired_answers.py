"""Requests since a share of the traffic was set, each answered by canary and champion: one of them
served it, the other is asked about it again, marked as a replay. Called by the canary.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.comparison import AnswerLikeness
from modelmedic.steps.contracts.errors import BadInput, Transient
from modelmedic.steps.contracts.inference_log import MODEL_VERSION, PREDICTION, REQUEST_ID
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.comparison.blocks import in_order
from modelmedic.steps.core.comparison.canary import ROWS_OF_BLOCK, CanaryLosses, losses_of
from modelmedic.steps.core.comparison.likeness import likeness
from modelmedic.steps.core.tables.moments import seconds_of
from modelmedic.steps.core.tables.row_loss import row_loss
from modelmedic.steps.core.tables.thinning import thin
from modelmedic.steps.runtime.run import Site

Role = Literal["champion", "canary"]
Ask = Callable[[pa.Table, Role], tuple[float, ...]]  # a replay of rows; Transient or BadInput without an answer

_AT_A_LOOK: Final = 300  # new rows, evenly thinned above
_MOST: Final = 3000  # of a share; as many say enough
_READ: Final = 2 * _MOST


@dataclass
class PairedAnswers:
    """The answers by request id, canary's and champion's, that were collected at one share since
    `start`, and the losses of those whose label came: time (seconds since 1970), canary's,
    champion's. `canary` and `champion` are versions.
    """

    site: Site
    ask: Ask
    canary: str
    champion: str
    start: datetime
    answers: dict[str, tuple[float, float]] = field(default_factory=dict)
    losses: dict[str, tuple[float, float, float]] = field(default_factory=dict)

    def look(self) -> tuple[CanaryLosses | None, AnswerLikeness | None]:
        """The losses on the requests whose labels are known by now, and the likeness of all
        answers; None without any. Where a version does not answer again, what was known stays.
        """
        rows = self._rows()
        with contextlib.suppress(Transient, BadInput):
            self._ask_about(self._new(rows))
        self._judge(rows.filter(pc.is_valid(rows[self.site.policy.data.target])))
        every = np.array(list(self.answers.values()), dtype=np.float64).reshape(-1, 2)
        judged = np.array(list(self.losses.values()), dtype=np.float64).reshape(-1, 3)
        return losses_of(in_order(judged[:, 0], judged[:, 1], judged[:, 2], ROWS_OF_BLOCK)), likeness(every[:, 0], every[:, 1])

    def _rows(self) -> pa.Table:
        """The rows that either version has answered since the start, with an id."""
        now = self.site.clock.now()
        rows = self.site.windows.table(Window(self.start, max(now, self.start)), limit=_READ)
        ours = pc.is_in(rows[MODEL_VERSION], value_set=pa.array([self.canary, self.champion], pa.string()))
        return rows.filter(pc.and_(ours, pc.and_(pc.is_valid(rows[REQUEST_ID]), pc.is_finite(rows[PREDICTION]))))

    def _new(self, rows: pa.Table) -> pa.Table:
        """Rows to be asked about at this look, those with a label first."""
        rows = rows.filter(pc.invert(pc.is_in(rows[REQUEST_ID], value_set=pa.array(list(self.answers), pa.string()))))
        most = min(_AT_A_LOOK, max(_MOST - len(self.answers), 0))
        known = pc.is_valid(rows[self.site.policy.data.target])
        labelled = thin(rows.filter(known), most)
        return pa.concat_tables([labelled, thin(rows.filter(pc.invert(known)), most - labelled.num_rows)])

    def _ask_about(self, rows: pa.Table) -> None:
        by_canary = pc.equal(rows[MODEL_VERSION], self.canary)
        for each, pair in self._pairs(rows.filter(by_canary), "champion"):
            self.answers[each] = pair
        for each, (champion, canary) in self._pairs(rows.filter(pc.invert(by_canary)), "canary"):
            self.answers[each] = canary, champion

    def _pairs(self, served: pa.Table, again: Role) -> Iterator[tuple[str, tuple[float, float]]]:
        """Each row's id, with the logged answer and that of the version that is asked again."""
        answers = self.ask(served, again) if served.num_rows else ()
        for each, own, other in zip(served[REQUEST_ID].to_pylist(), served[PREDICTION].to_pylist(), answers, strict=True):
            if np.isfinite(other):
                yield each, (own, other)

    def _judge(self, rows: pa.Table) -> None:
        """Add the losses of the labelled rows whose answers are paired."""
        data = self.site.policy.data
        seconds, target = seconds_of(rows[data.time]), np.asarray(rows[data.target].to_numpy(), dtype=np.float64)
        for place, each in enumerate(rows[REQUEST_ID].to_pylist()):
            if each in self.answers and each not in self.losses and np.isfinite(target[place]):
                canary, champion = row_loss(data.task, target[place], np.array(self.answers[each]))
                self.losses[each] = (float(seconds[place]), float(canary), float(champion))
