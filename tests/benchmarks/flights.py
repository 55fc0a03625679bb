"""The flights of 2013 as a model answers them: the first champion, which a bootstrap trains on
January and February, and a bad release.
"""

import functools
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelmedic.examples.flights.faults import BAD_RELEASE, with_a_sign_error
from modelmedic.examples.flights.stream import CATEGORICAL, NUMERIC, Flights
from modelmedic.examples.flights.year import POLICY
from modelmedic.steps.adapters.models.builtin import train
from modelmedic.steps.adapters.policy.file import load_policy
from modelmedic.steps.contracts.detection import Roles
from modelmedic.steps.contracts.window import Window

ROLES = Roles(
    target="delayed",
    prediction="p",
    time="time_hour",
    features=(*NUMERIC, *CATEGORICAL),
    categorical=CATEGORICAL,
    segments=("carrier", "origin"),
)
MARCH = datetime(2013, 3, 1, tzinfo=UTC)
_LEARNT = 0.75  # of January and February; the rest is the reference
Floats = npt.NDArray[np.float64]


class Answered:
    """`reference` are the later rows of January and February, answered by the first champion, which
    learnt from the earlier ones.
    """

    def __init__(self, share: float) -> None:
        self.policy = load_policy(POLICY)
        self._flights = Flights(share)
        first = self._flights.between(Window(datetime(2013, 1, 1, tzinfo=UTC), MARCH))
        learnt = int(first.num_rows * _LEARNT)
        self._good = self._trained(first.slice(0, learnt))
        self.reference = self._with_answers(first.slice(learnt), self._good)

    def window(self, span: Window, *, released: datetime | None = None, known: datetime | None = None) -> pa.Table:
        """The flights of a span; the bad version answers from `released` on; labels are those that
        have come until `known`.
        """
        rows = self._flights.between(span)
        table = self._with_answers(rows, self._good)
        moments = rows["time_hour"].to_numpy()
        if released is not None:
            cut = int(np.searchsorted(moments, np.datetime64(released.replace(tzinfo=None))))
            table = pa.concat_tables([table.slice(0, cut), self._with_answers(rows.slice(cut), self._bad)])
        if known is not None:
            due = np.datetime64((known - self.policy.data.labels.delay).replace(tzinfo=None))
            labels = np.where(moments <= due, table["delayed"].to_numpy(), np.nan)
            table = table.set_column(table.column_names.index("delayed"), "delayed", pa.array(labels, from_pandas=True))
        return table

    @functools.cached_property
    def _bad(self) -> object:
        return self._trained(with_a_sign_error(self._flights.between(Window(BAD_RELEASE - timedelta(days=60), BAD_RELEASE))))

    def _trained(self, rows: pa.Table) -> object:
        return train(rows.select([*self.policy.features, "delayed"]).to_pandas(), self.policy)

    def _with_answers(self, rows: pa.Table, model: object) -> pa.Table:
        answers: Floats = model.predict_proba(rows.select(list(self.policy.features)).to_pandas())[:, 1]  # type: ignore[attr-defined]
        table = rows.select(["time_hour", *self.policy.features]).append_column("p", pa.array(answers))
        return table.append_column("delayed", rows["delayed"].cast(pa.float64()))


@functools.cache
def answered(share: float = 0.4) -> Answered:
    """The share that the demo plays, trained once a process."""
    return Answered(share)
