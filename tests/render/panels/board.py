"""A dashboard as Grafana would ask for it: each panel's queries, put to a real Prometheus at a
played moment.
"""

import json
import math
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from modelmedic.workflows.inputs.platform import Platform
from modelmedic.workflows.monitoring.alerts import rules_file
from tests.fakes.programs import PROMTOOL, asked, prometheus
from tests.render.panels.history import History

_BACKFILL = ("tsdb", "create-blocks-from", "--max-block-duration=720h", "openmetrics")  # else one block for every two hours
Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Series:
    """An answered series under the name that a legend gives it; moments in seconds since 1970."""

    name: str
    labels: Labels
    points: tuple[tuple[float, float], ...]

    @property
    def last(self) -> float:
        return self.points[-1][1]


@dataclass(frozen=True, slots=True)
class Asker:
    """A Prometheus, and the span of time that a person looks at."""

    url: str
    start: datetime
    end: datetime
    step: timedelta

    def series(self, panel: Mapping[str, Any], model: str = "") -> list[Series]:
        """The answers to all queries of a panel."""
        found: list[Series] = []
        for target in panel["targets"]:
            at_once = target.get("instant", False)
            answers = self.instant(target["expr"], model) if at_once else self.course(target["expr"], model)
            found += [Series(_named(target.get("legendFormat", ""), labels), labels, points) for labels, points in answers]
        return found

    def instant(self, expression: str, model: str = "") -> list[tuple[Labels, tuple[tuple[float, float], ...]]]:
        answer = self._ask("query", query=expression.replace("$model", model), time=self.end.timestamp())
        return [(each["metric"], _numbers([each["value"]])) for each in answer]

    def course(self, expression: str, model: str = "") -> list[tuple[Labels, tuple[tuple[float, float], ...]]]:
        span = {"start": self.start.timestamp(), "end": self.end.timestamp(), "step": self.step.total_seconds()}
        answer = self._ask("query_range", query=expression.replace("$model", model), **span)
        found = [(each["metric"], _numbers(each["values"])) for each in answer]
        return [(labels, points) for labels, points in found if points]

    def _ask(self, what: str, **parameters: Any) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}", timeout=20) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found


@contextmanager
def answering(folder: Path, history: History, start: datetime, end: datetime, step: timedelta) -> Iterator[Asker]:
    """A Prometheus that holds the history, and what our recording rules make of it. They are put to
    it as queries: promtool would run them at moments of its own choice, between two scrapes.
    """
    data = folder / "data"
    asked(PROMTOOL, *_BACKFILL, history.write(folder / "history.txt"), data)
    with prometheus(data) as url:
        recorded = _recorded(Asker(url, start, end, step))
    asked(PROMTOOL, *_BACKFILL, recorded.write(folder / "recorded.txt"), data)
    with prometheus(data) as url:  # blocks are read when it starts
        yield Asker(url, start, end, step)


def _recorded(asker: Asker) -> History:
    found = History()
    for rule in (rule for group in rules_file(Platform())["groups"] for rule in group["rules"] if "record" in rule):
        for labels, points in asker.course(rule["expr"]):
            for at, value in points:
                found.keep(rule["record"], labels, value, at)
    return found


def _numbers(values: list[tuple[float, str]]) -> tuple[tuple[float, float], ...]:
    points = ((float(at), float(value)) for at, value in values)
    return tuple((at, value) for at, value in points if not math.isnan(value))


def _named(legend: str, labels: Labels) -> str:
    for name, value in labels.items():
        legend = legend.replace("{{" + name + "}}", value)
    return legend
