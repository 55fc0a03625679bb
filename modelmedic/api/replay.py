"""`backtest` for Python: what a policy would have done over past rows."""

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from modelmedic.api import policies
from modelmedic.api.tables import Table, name_of, thinned
from modelmedic.steps.backtesting.result import FROZEN, POLICY, WAYS, Backtest, WayLine
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.window import utc


@dataclass(frozen=True, slots=True)
class Replay:
    """Ways of running one model through the same past; `result` has all of it."""

    result: Backtest

    @property
    def policy(self) -> WayLine:
        """The policy with its real monitor, diagnosis, gates and canary. Raises KeyError when it
        was not played.
        """
        return self.result.line(POLICY)

    @property
    def frozen(self) -> WayLine:
        """The first champion, never replaced."""
        return self.result.line(FROZEN)

    def to_dict(self) -> dict[str, Any]:
        """The object that `modelmedic backtest --json` prints."""
        from modelmedic.steps.contracts.codec import to_plain

        plain: dict[str, Any] = to_plain(self.result)
        return plain

    def report(self, page: str | os.PathLike[str]) -> Path:
        """Write the HTML page for people. Raises BadInput where that cannot be written."""
        from modelmedic.steps.backtesting.page import backtest_page

        path = Path(page)
        try:
            path.write_text(backtest_page(self.result), encoding="utf-8")
        except OSError as error:
            raise BadInput(f"page {path} cannot be written ({error.strerror or error})") from error
        return path

    def __repr__(self) -> str:
        means = ", ".join(f"{line.title} {'?' if line.mean is None else f'{line.mean:.4f}'}" for line in self.result.lines)
        return f"Replay({self.result.model}, {len(self.result.windows)} windows, mean {self.result.metric}: {means})"

    def _repr_html_(self) -> str:
        from modelmedic.steps.backtesting.page import backtest_fragment

        return backtest_fragment(self.result)


def backtest(
    policy: policies.Given,
    data: Table,
    *,
    until: datetime | float | None = None,
    every: timedelta | None = None,
    approve: bool = True,
    ways: Collection[str] | None = None,
    defaults: policies.Files = (),
    overlays: policies.Files = (),
    say: Callable[[str], None] | None = None,
) -> Replay:
    """Replay a policy over past labelled rows, each label known only after the policy's delay.

    `data` is a DataFrame, an Arrow table or a file, with the policy's columns. `until` ends what
    the first champion learns from (a moment, or a share of the time, 0..1), `every` is the length
    of a window (calendar months when left out), `approve` what people are taken to answer.
    `ways` are those to play, by the names of the command's --ways: frozen, weekly, monthly, rule,
    drift, policy and hindsight; all when left out, but with a training function of your own only
    those that train few models.

    Nothing is served or written. Raises BadPolicy, BadInput for rows that do not fit the policy,
    and Refused when the first champion fails its gates.
    """
    from modelmedic.steps.backtesting.past import read_past
    from modelmedic.steps.backtesting.plan import plan_replay
    from modelmedic.steps.backtesting.run import backtest as play
    from modelmedic.steps.runtime.run import silent

    if isinstance(until, float) and not 0 < until < 1:
        raise BadInput(f"until is {until}; expected a moment, or a share of the time between 0 and 1")
    rules = policies.read(policy, defaults, overlays)[0]
    history = read_past(rules, thinned(data, "data"), name_of(data, "the data"))
    end = utc(until) if isinstance(until, datetime) else until
    wanted = None if ways is None else [WAYS.get(name, name) for name in ways]
    return Replay(play(history, plan_replay(rules, history.span, end, every), approve=approve, ways=wanted, say=say or silent))
