"""Real flights, whose lateness goes by whole days: a good model's bad weeks alarm nobody, a release that loses is seen at once."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from examples.flights.faults import BAD_RELEASE, with_a_sign_error
from examples.flights.stream import Flights
from examples.flights.year import EVERY, POLICY
from steps.adapters.policy_file import load_policy
from steps.contracts.detection import Performance, Roles, Thresholds
from steps.contracts.window import Window
from steps.core.layout_choice import choose_layout
from steps.core.profile import Profile
from steps.core.profiling import profiled
from steps.core.thresholds import calibrate, level
from steps.core.verdict import performance
from steps.training.builtin import train

POLICY_OF_FLIGHTS = load_policy(POLICY)
DETECT = POLICY_OF_FLIGHTS.detect
ROLES = Roles(target="delayed", prediction="p")
MARCH = datetime(2013, 3, 1, tzinfo=UTC)


class Versions:
    """The first champion with the reference that a bootstrap keeps, and the release that took early for late."""

    def __init__(self) -> None:
        self.flights = Flights(0.4)
        first = self.flights.between(Window(datetime(2013, 1, 1, tzinfo=UTC), MARCH))
        learnt = int(first.num_rows * 0.75)
        self.good = self._trained(first.slice(0, learnt))
        self.bad = self._trained(with_a_sign_error(self.flights.between(Window(BAD_RELEASE - timedelta(days=60), BAD_RELEASE))))
        reference = self._answered(first.slice(learnt), self.good)
        self.reference = profiled(choose_layout(reference, ROLES), reference)
        alpha = level(DETECT.falseAlarmsPerYear, DETECT.window, DETECT.persistence.hits)
        self.thresholds: Thresholds = calibrate(reference, self.reference.layout, 5000, alpha=alpha, explicit={}, version="1")

    def look(self, end: datetime, released: datetime | None) -> Performance:
        """The window that ends then; the bad version answers from `released` on."""
        found = performance(self.reference, self._window(end, released), self.thresholds)
        assert found is not None
        return found

    def _window(self, end: datetime, released: datetime | None) -> Profile:
        rows = self.flights.between(Window(end - DETECT.window, end))
        answered = self._answered(rows, self.good)
        if released is not None and released < end:
            cut = int(np.searchsorted(rows["time_hour"].to_numpy(), np.datetime64(released.replace(tzinfo=None))))
            answered = pa.concat_tables([answered.slice(0, cut), self._answered(rows.slice(cut), self.bad)])
        return profiled(self.reference.layout, answered)

    def _trained(self, rows: pa.Table) -> object:
        return train(rows.select([*POLICY_OF_FLIGHTS.features, "delayed"]).to_pandas(), POLICY_OF_FLIGHTS)

    def _answered(self, rows: pa.Table, model: object) -> pa.Table:
        answers = model.predict_proba(rows.select(list(POLICY_OF_FLIGHTS.features)).to_pandas())[:, 1]  # type: ignore[attr-defined]
        return pa.table({"p": answers, "delayed": rows["delayed"].cast(pa.float64())})


@pytest.fixture(scope="module")
def versions() -> Versions:
    return Versions()


def test_a_release_that_answers_the_wrong_way_round_opens_an_incident_within_three_weekly_looks(versions: Versions) -> None:
    looks = [versions.look(BAD_RELEASE + EVERY * week, BAD_RELEASE) for week in (1, 2, 3)]
    assert sum(look.degraded for look in looks) >= DETECT.persistence.hits


def test_it_is_seen_in_every_month_in_which_it_costs_a_fifth_of_the_loss(versions: Versions) -> None:
    looks = [versions.look(datetime(2013, month, 20, tzinfo=UTC), MARCH) for month in range(3, 13)]
    costly = [look.degraded for look in looks if look.current > 1.2 * look.reference]
    assert all(costly)
    assert len(costly) >= 6


def test_the_good_version_is_not_degraded_by_ordinary_weeks(versions: Versions) -> None:
    looks = [versions.look(MARCH + EVERY * week, None) for week in range(2, 7)]
    assert [look.degraded for look in looks] == [False] * 5
