"""The results of a run, counted by group: as a document and as a table for people."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rich import box
from rich.table import Table

from tests.adversary.attack import Attack, Outcome, Result


@dataclass
class Tally:
    """How many attacks of each group had which outcome; those that did not hold or were skipped
    with their sentences.
    """

    counts: dict[str, Counter[Outcome]] = field(default_factory=dict)
    told: list[tuple[Attack, Result]] = field(default_factory=list)

    def add(self, attack: Attack, result: Result) -> None:
        self.counts.setdefault(attack.group, Counter())[result.outcome] += attack.tries if result.outcome is Outcome.HELD else 1
        if result.outcome is not Outcome.HELD:
            self.told.append((attack, result))

    def of(self, outcome: Outcome) -> list[tuple[Attack, Result]]:
        return [(attack, result) for attack, result in self.told if result.outcome is outcome]


def document(tally: Tally) -> dict[str, Any]:
    """The groups' counts, and each attack that did not hold or was skipped."""
    return {
        "groups": [_row(group, count) for group, count in sorted(tally.counts.items())],
        "not_held": _sentences(tally.of(Outcome.NOT_HELD)),
        "skipped": _sentences(tally.of(Outcome.SKIPPED)),
    }


def _row(group: str, count: Counter[Outcome]) -> dict[str, Any]:
    skipped = count[Outcome.SKIPPED]
    tried = count.total() - skipped
    return {"group": group, "tried": tried, "held": count[Outcome.HELD], "not_held": count[Outcome.NOT_HELD], "skipped": skipped}


def _sentences(told: Iterable[tuple[Attack, Result]]) -> list[dict[str, str]]:
    return [{"group": attack.group, "name": attack.name, "sentence": result.sentence} for attack, result in told]


def drawn(found: dict[str, Any]) -> Table:
    """A line for each group, and the sum."""
    columns = ("tried", "held", "not_held", "skipped")
    table = Table(box=box.SIMPLE_HEAD, show_footer=True)
    table.add_column("group", "all")
    for name in columns:
        table.add_column(name.replace("_", " "), str(sum(row[name] for row in found["groups"])), justify="right")
    for row in found["groups"]:
        table.add_row(row["group"], *(str(row[name]) for name in columns))
    return table
