"""A site where version 1 serves and version 2 has passed its gates, on the fakes of registry and
serving.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.backtesting.windows import PlayedWindows
from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.errors import NotFound
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.core.tables.log_columns import log_schema
from modelmedic.steps.heal.results import note_diagnosis, note_validation
from modelmedic.steps.incidents.opening import note_opening
from modelmedic.steps.runtime.run import Run, Site
from tests.fakes.registry import FakeRegistry
from tests.fakes.serving import FakeServing
from tests.worlds.played import NOW, policy, run, site
from tests.worlds.results import diagnosed, validated

ROLLOUT = {"steps": [20, 50], "hold": "5m", "deadline": "1h", "minRequests": 10, "replayRequests": 40}
AGES = [20.0 + number for number in range(50)]
SERVES = 0.5  # what the fake answers to every row unless a test says otherwise


class Tables:
    """References of the versions that have one."""

    def __init__(self, tables: Mapping[str, pa.Table]) -> None:
        self._tables = dict(tables)

    def keep(self, version: str, table: pa.Table) -> None:
        self._tables[version] = table

    def table(self, version: str) -> pa.Table:
        if version not in self._tables:
            raise NotFound(f"version {version} has no reference")
        return self._tables[version]

    def keep_replay(self, version: str, table: pa.Table) -> None:
        self._tables[f"replay-{version}"] = table

    def replay(self, version: str) -> pa.Table:
        return self._tables[key] if (key := f"replay-{version}") in self._tables else self.table(version)


class DeployedWorld:
    """`traffic` requests an hour go through the gateway while a deployment holds a share, of people
    whose age runs from 20 to 69, and are logged. `label` tells what came of an age, at once; None:
    no label is known.
    """

    def __init__(
        self,
        folder: Path,
        *,
        behaviours: Mapping[str, Mapping[str, Any]] | None = None,
        traffic: int = 600,
        approval: str = "not-needed",
        rollout: Mapping[str, Any] | None = None,
        label: Callable[[float], float] | None = None,
    ) -> None:
        self.clock = PlayedClock(NOW, self._meanwhile)
        self.registry = FakeRegistry(folder / "registry", name="churn")
        self.serving = FakeServing(behaviours)
        rows = pa.table({"age": AGES, "plan": ["a"] * 50, "left": [0.0] * 50})
        tables = {version: rows.append_column("prediction", pa.array(self.serving.validated(version, rows))) for version in ("1", "2")}
        self.references = Tables(tables)
        rules = policy(rollout={**ROLLOUT, **(rollout or {})})
        self.windows = PlayedWindows(rules, self.clock)
        ports = {"registry": self.registry, "serving": self.serving, "references": self.references, "windows": self.windows}
        self.site: Site = site(folder, rules=rules, clock=self.clock, **ports)
        self._label = label
        self._requests = 0
        self.traffic = traffic
        self.failed = 0
        self.first, self.second = self._register("first"), self._register("second")
        self.serving.start(self.first)
        self.registry.move_alias("champion", "1", expected=None)
        self.site.record_release(Release(NOW - timedelta(days=30), "1", None))
        self.run: Run = run(self.site)
        note_opening(self.site.trail, self.run.incident)
        note_diagnosis(self.run, self.run.record(diagnosed(approval=approval == "needed", champion="1")))
        note_validation(self.run, self.run.record(validated("2", self.second.digest)))

    def _register(self, name: str) -> ModelVersion:
        folder = self.site.work / name
        folder.mkdir()
        (folder / "MLmodel").write_text(f"flavors: {{}}  # {name}\n")
        return self.registry.register(folder, key=name, tags={}, metrics={})

    def _meanwhile(self, start: datetime, end: datetime) -> None:
        count = int((end - start).total_seconds() / 3600 * self.traffic)
        rows = []
        for number in range(count):
            age = AGES[self._requests * 7 % len(AGES)]
            answer = self.serving.ask(pa.table({"age": [age], "plan": ["b"]}))
            rows.append((start + (end - start) * number / count, age, answer.values[0], answer.version, f"r-{self._requests}"))
            self._requests += 1
        if rows:
            self.windows.add(self._logged(rows))

    def _logged(self, rows: list[tuple[datetime, float, float, str, str]]) -> pa.Table:
        at, ages, answers, versions, ids = zip(*rows, strict=True)
        columns = {"at": at, "age": ages, "plan": ["b"] * len(at), "prediction": answers, "model_version": versions}
        labels = [self._label(age) if self._label is not None else None for age in ages]
        table = pa.table({**columns, "served_by": ["unknown"] * len(at), "request_id": ids, "left": pa.array(labels, pa.float64())})
        return table.cast(log_schema(self.site.policy, target=True))

    @property
    def agrees(self) -> str | None:
        """The version that serves when serving and alias agree and no canary is left."""
        state = self.serving.state()
        version = state.champion.version if state.champion else None
        return version if state.canary is None and self.registry.alias("champion") == version else None

    def again(self) -> Run:
        """The same incident by another process."""
        return Run(self.site, self.run.incident)
