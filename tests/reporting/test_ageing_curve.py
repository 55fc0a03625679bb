"""The looks of a model gathered into its curve, and the curve on an ageing incident's page."""

from datetime import timedelta
from pathlib import Path

from modelmedic.steps.contracts.ageing import AgeingLook
from modelmedic.steps.contracts.codec import to_plain
from modelmedic.steps.contracts.diagnosis import Diagnosis, Release
from modelmedic.steps.contracts.keys import ageing_key
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.records.documents import keep
from modelmedic.steps.reporting.ageing import ageing_curve
from modelmedic.steps.reporting.incident import incident_page
from modelmedic.steps.reporting.story import gather
from modelmedic.steps.runtime.run import Site
from tests.reporting import flights, stories
from tests.reporting.page import Seen, harmless

WEEK = timedelta(days=7)


def look(site: Site, weeks: int, paid: float | None) -> AgeingLook:
    """The look so many weeks before the incident."""
    at = stories.JUNE - weeks * WEEK
    made = AgeingLook(at, site.model, "3", False, "not due", paid=paid, price=100.0, ageing=0.2, error=0.1, interval=30.0)
    keep(site.store, ageing_key(site.model, at), made)
    return made


def test_curve_has_the_looks_that_measured_and_the_versions_that_came_new(tmp_path: Path) -> None:
    site, incident = stories.begun(tmp_path, "concept")
    for weeks, paid in ((6, 20.0), (5, 60.0), (4, None), (3, 10.0), (-2, 90.0)):
        look(site, weeks, paid)
    for weeks, version, previous in ((4, "3", "2"), (3, "2", "3"), (2, "3", "2")):
        site.history.record_release(site.model, Release(stories.JUNE - weeks * WEEK, version, previous))
    curve = ageing_curve(site.store, site.history, site.model, incident.opened_at)
    assert curve is not None
    assert [each.paid for each in curve.points] == [20.0, 60.0, 10.0]
    assert {each.version for each in curve.trainings} == {"2", "3"}
    assert len(curve.trainings) == 2
    assert curve.price == 100.0


def test_one_look_is_no_curve(tmp_path: Path) -> None:
    site, incident = stories.begun(tmp_path, "concept")
    look(site, 1, 50.0)
    look(site, 2, None)
    assert ageing_curve(site.store, site.history, site.model, incident.opened_at) is None


def test_page_of_an_ageing_incident_draws_it(tmp_path: Path) -> None:
    site, incident = stories.begun(tmp_path, "concept")
    for weeks, paid in ((3, 20.0), (2, 60.0), (1, 110.0)):
        look(site, weeks, paid)
    found = Diagnosis(Cause.AGEING, 0.9, sentence="its age has cost 110 %-days and a training costs 100")
    site.ledger.record_stage(incident, "diagnose", {"diagnosis": to_plain(found), "champion": "3", "reference": "3"})
    seen = Seen(incident_page(gather(site, incident)))
    harmless(seen)
    assert "What its age has cost" in seen.words
    assert "a training pays every 30 days" in seen.words


def test_page_of_another_cause_does_not(tmp_path: Path) -> None:
    site, incident = stories.begun(tmp_path, "concept")
    for weeks, paid in ((3, 20.0), (2, 60.0), (1, 110.0)):
        look(site, weeks, paid)
    flights.diagnosed(site, incident)
    assert "What its age has cost" not in Seen(incident_page(gather(site, incident))).words
