"""The assessment of a heal: it helped when the version before would have lost more on the same
rows, and where days do not tell the two apart, it says so.
"""

from datetime import timedelta
from pathlib import Path

import pytest

from modelmedic.steps.contracts.comparison import Comparison, LossBlock, VersionPair
from modelmedic.steps.contracts.incident import Closing, Incident
from modelmedic.steps.contracts.keys import comparison_key
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.reconcile.assess import assess
from modelmedic.steps.records.documents import keep
from modelmedic.steps.runtime.run import Site
from tests.comparison.test_rise import alike
from tests.fakes.registry import FakeRegistry
from tests.worlds.played import NOW, Told, run, site

DAY = timedelta(days=1)


def healed_site(folder: Path) -> Site:
    """Version 2 took the place of version 1 and has the alias."""
    registry = FakeRegistry(folder / "registry", name="churn")
    for version in ("1", "2"):
        registry.add_by_hand({"v": version})
    registry.move_alias("champion", "2", expected=None)
    return site(folder, registry=registry)


@pytest.fixture
def healed(tmp_path: Path) -> tuple[Site, Incident]:
    at = healed_site(tmp_path)
    incident = run(at).incident
    at.ledger.close(incident, Closing(Outcome.HEALED, at.clock.now(), "healed", "1", "2"))
    return at, incident


def compared(at: Site, days: int, rise: float, seed: int = 3) -> None:
    """The monitor's comparison after so many days, in which version 2 lost more by `rise`."""
    at.clock.sleep(NOW + days * DAY - at.clock.now())
    since = tuple(LossBlock(NOW + n * DAY, block.rows, block.served, block.other) for n, block in enumerate(alike(seed, days, rise)))
    pairs = (VersionPair("1", since=since),)
    keep(at.store, comparison_key("churn", "2", at.clock.now()), Comparison("churn", "2", at.clock.now(), NOW, "1", at.clock.now(), pairs))


def test_a_version_that_loses_less_than_the_one_before_has_helped(healed: tuple[Site, Incident]) -> None:
    at, incident = healed
    compared(at, 28, rise=-0.4)
    (sentence,) = assess(at)
    said = at.ledger.assessment(incident)
    assert said is not None
    assert (said.effective, said.told_apart) == (True, True)
    assert sentence.startswith("effective: mean log loss of version 2 since is ")
    assert "of version 1 on the same rows" in sentence
    assert assess(at) == ()


def test_people_are_told_of_a_heal_that_did_not_help(healed: tuple[Site, Incident]) -> None:
    at, incident = healed
    compared(at, 28, rise=0.8)
    assert len(assess(at)) == 1
    said = at.ledger.assessment(incident)
    assert said is not None
    assert not said.effective
    assert isinstance(at.notifier, Told)
    assert at.notifier.events == ["heal.ineffective"]


def test_versions_that_are_alike_are_waited_for_and_then_not_told_apart(healed: tuple[Site, Incident]) -> None:
    at, incident = healed
    compared(at, 14, rise=0.0)
    assert assess(at) == ()
    compared(at, 60, rise=0.0)
    (sentence,) = assess(at)
    said = at.ledger.assessment(incident)
    assert said is not None
    assert not said.told_apart
    assert sentence.startswith("not told apart")
    assert isinstance(at.notifier, Told)
    assert at.notifier.events == []


def test_nothing_is_said_before_labels_have_matured_or_without_a_comparison(healed: tuple[Site, Incident]) -> None:
    at, _ = healed
    compared(at, 3, rise=-0.5)
    assert assess(at) == ()
    at.clock.sleep(90 * DAY)
    at.store.create("unrelated/object.json", b"{}")
    compared_none = site(at.work, registry=at.registry)
    incident = run(compared_none).incident
    compared_none.ledger.close(incident, Closing(Outcome.HEALED, NOW - 90 * DAY, "healed", "1", "2"))
    assert assess(compared_none) == ()


def test_a_comparison_of_an_earlier_time_at_the_alias_says_nothing(healed: tuple[Site, Incident]) -> None:
    at, _ = healed
    at.clock.sleep(40 * DAY)
    old = Comparison("churn", "2", at.clock.now(), NOW - 90 * DAY, "1", at.clock.now(), (VersionPair("1", since=alike(1, 30, -0.4)),))
    keep(at.store, comparison_key("churn", "2", at.clock.now()), old)
    assert assess(at) == ()
