"""The champion's loss is kept beside its training, by its age, and never at the price of a look."""

from pathlib import Path

from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.detection.measured_loss import keep_measured_loss
from modelmedic.steps.detection.monitor import monitor
from modelmedic.steps.runtime.versions import taught_tag
from tests.data.log import DAY, START
from tests.fakes.registry import FakeRegistry
from tests.worlds.detection import MonitoredSite, monitored_site


def looked(here: MonitoredSite, registry: FakeRegistry) -> None:
    seen = monitor(here.site, here.at(9))
    here.site.registry = registry
    keep_measured_loss(here.site, seen)


def registry(folder: Path) -> FakeRegistry:
    found = FakeRegistry(folder / "registry", "loans")
    found._versions["1"] = ModelVersion("loans", "1", "d" * 64, "models/d", tags={"key": "1", **taught_tag(START - 3 * DAY)})
    return found


def test_a_window_with_labels_is_a_point_of_the_curve_by_age(tmp_path: Path) -> None:
    here, kept = monitored_site(tmp_path), registry(tmp_path)
    here.serve(0, days=9)
    looked(here, kept)
    ((version, at, age, numbers),) = kept.measured
    assert (version, at, age) == ("1", START + 9 * DAY, 12)
    assert 0.3 < numbers["served_log_loss"] < 0.8
    assert numbers["served_labels"] > 100


def test_a_registry_that_is_away_is_said_and_costs_nothing(tmp_path: Path) -> None:
    here, kept = monitored_site(tmp_path), registry(tmp_path)
    here.serve(0, days=9)
    kept.unreachable = True
    said: list[str] = []
    here.site.say = said.append
    looked(here, kept)
    assert said[-1] == "the loss of version 1 is not beside its training in MLflow: the registry is set to be unreachable"
