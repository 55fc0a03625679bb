"""A site that can be monitored: a hand-fed log in memory, references, an alias, and what people
were told.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.errors import NotFound
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.data.backfill import write_labels, write_log
from modelmedic.steps.data.references import StoredReferences
from modelmedic.steps.data.windows import LoggedWindows
from modelmedic.steps.runtime.run import Site
from tests.data.log import DAY, START, HandClock, labels, policy, rows
from tests.worlds.played import Told

Change = Callable[[pa.Table], pa.Table]


@dataclass
class Aliases:
    champion: str | None = "1"
    dark: ModelVersion | None = None  # a challenger that validation kept in the dark
    remarks: dict[str, str] = field(default_factory=dict)
    known: ModelVersion | None = None  # the champion, where the loop trained it

    def alias(self, alias: str) -> str | None:
        if alias == "challenger" and self.dark is not None:
            return self.dark.version
        return self.champion if alias == "champion" else None

    def remark(self, name: str) -> str | None:
        return self.remarks.get(name)

    def set_remark(self, name: str, text: str) -> None:
        self.remarks[name] = text

    def version(self, version: str) -> ModelVersion:
        for each in (self.dark, self.known):
            if each is not None and version == each.version:
                return each
        raise NotFound(f"model version {version} was released by somebody else")

    def fetch(self, version: str, to: Path) -> Path:
        raise NotFound(f"no files of model version {version} are kept; {to.name} stays empty")


@dataclass
class MonitoredSite:
    """One model's site and the hands that feed it."""

    site: Site
    clock: HandClock
    aliases: Aliases
    told: Told

    def serve(self, first: int, days: int = 7, *, n: int = 1500, change: Change = lambda table: table, late: timedelta = 2 * DAY) -> None:
        """Log `n` rows from day `first` on, and their labels as they become known."""
        table = change(rows(n, seed=first + 1, start=START + first * DAY, span=days * DAY))
        write_log(self.site.store, self.site.policy, table.drop_columns(["defaulted"]))
        write_labels(self.site.store, self.site.policy, labels(table, late))

    def at(self, day: float) -> datetime:
        """Move the clock to this day."""
        self.clock.at = START + day * DAY
        return self.clock.at

    def release(self, version: str, previous: str) -> None:
        self.aliases.champion = version
        self.site.history.record_release(self.site.model, Release(self.clock.at, version, previous))

    def events(self) -> list[str]:
        return [record.event for record in self.site.trail.latest(START - 100 * DAY)][::-1]


def monitored_site(work: Path, rules: Policy | None = None, *, reference: pa.Table | None = None) -> MonitoredSite:
    """A reference of four weeks before the first day is kept for version 1."""
    rules, store, clock = rules or policy(), MemoryStore(), HandClock(START)
    aliases, told = Aliases(), Told()
    references = StoredReferences(store, rules.name)
    references.keep("1", rows(6000, seed=99, start=START - 28 * DAY, span=28 * DAY) if reference is None else reference)
    ports: dict[str, Any] = {
        "registry": aliases,
        "serving": None,
        "windows": LoggedWindows(store, rules, clock),
        "references": references,
        "notifier": told,
    }
    return MonitoredSite(
        Site(policy=rules, store=store, clock=clock, real=clock, actor="test", work=work, **cast(Any, ports)), clock, aliases, told
    )
