"""Where the loop cannot tell the cause, a person says it; a ruling overrules no finding."""

from dataclasses import replace
from pathlib import Path

import pytest

from modelmedic.steps.contracts.diagnosis import Diagnosis, Hypothesis
from modelmedic.steps.contracts.errors import Refused
from modelmedic.steps.contracts.words import Cause, Remedy
from modelmedic.steps.core.decision.rules import decide
from modelmedic.steps.core.diagnosis.ruling import with_ruling
from modelmedic.steps.heal.close import close
from modelmedic.steps.incidents.opening import open_by_hand
from modelmedic.steps.incidents.ruling import rule
from modelmedic.steps.runtime.run import Run
from tests.worlds import results
from tests.worlds.played import policy, run, site

OTHERS = (Hypothesis(Cause.CONCEPT_DRIFT, 0.4, ("age",), sentence="the law of age turned"), Hypothesis(Cause.LABEL_QUALITY, 0.3))
CLOSE = Diagnosis(Cause.INSUFFICIENT_EVIDENCE, 0.5, harm="shown", runners_up=OTHERS, sentence="either or")
BROKEN = Diagnosis(Cause.DATA_QUALITY, 0.97, ("age",), runners_up=OTHERS)


def ended(folder: Path, found: Diagnosis = CLOSE) -> Run:
    """An incident that was escalated because two causes are close."""
    here = run(site(folder))
    here.record(replace(results.diagnosed(found=found), decision=decide(found, here.site.policy)))
    close(here)
    return here


def test_the_message_asks_which_it_is_and_names_the_command(tmp_path: Path) -> None:
    here = ended(tmp_path)
    (said,) = [each.description for each in here.site.notifier.notifications]  # type: ignore[attr-defined]
    assert f"it is concept_drift or label_quality says so: `modelmedic heal {here.incident.id} --cause CAUSE --by NAME`" in said


def test_a_ruling_opens_an_incident_of_the_persons_own_about_the_same_window(tmp_path: Path) -> None:
    here = ended(tmp_path)
    ruled = rule(here.site, here.incident, Cause.CONCEPT_DRIFT, "ann").incident
    assert (ruled.epoch, ruled.window, ruled.started_by, ruled.ruled) == (2, here.incident.window, "ann", Cause.CONCEPT_DRIFT)
    (opened,) = [record for record in here.site.trail.records(ruled.id) if record.event == "incident.opened"]
    assert (opened.facts["person"], opened.facts["ruled_on"], opened.facts["cause"]) == ("ann", here.incident.id, "concept_drift")


def test_a_dry_run_opens_nothing(tmp_path: Path) -> None:
    here = ended(tmp_path)
    assert rule(here.site, here.incident, Cause.LABEL_QUALITY, "ann", keep=False).incident.ruled is Cause.LABEL_QUALITY
    assert here.site.ledger.current("churn") is None


def test_a_ruling_on_a_cause_that_was_found_is_refused(tmp_path: Path) -> None:
    here = ended(tmp_path, BROKEN)
    with pytest.raises(Refused, match="is data_quality; a person rules only where it is insufficient_evidence"):
        rule(here.site, here.incident, Cause.CONCEPT_DRIFT, "ann")


@pytest.mark.parametrize("found", [BROKEN, replace(CLOSE, harm="unknown")], ids=["a cause was found", "no harm is shown"])
def test_nobody_is_asked_for_a_cause_that_is_known_or_of_no_harm(tmp_path: Path, found: Diagnosis) -> None:
    said = [each.description for each in ended(tmp_path, found).site.notifier.notifications]  # type: ignore[attr-defined]
    assert ["--cause" in each for each in said] == [False] * len(said)


def test_an_open_incident_and_one_that_another_came_after_are_refused(tmp_path: Path) -> None:
    here = ended(tmp_path)
    later = open_by_hand(here.site).incident
    with pytest.raises(Refused, match=f"incident {later.id} came after"):
        rule(here.site, here.incident, Cause.CONCEPT_DRIFT, "ann")
    with pytest.raises(Refused, match="is open"):
        rule(here.site, later, Cause.CONCEPT_DRIFT, "ann")


def test_the_diagnosis_takes_the_cause_that_was_named_with_what_was_measured_of_it() -> None:
    found = with_ruling(CLOSE, Cause.CONCEPT_DRIFT, "ann")
    assert (found.cause, found.columns, found.runners_up) == (Cause.CONCEPT_DRIFT, ("age",), OTHERS[1:])
    assert found.sentence == "ann says that it is concept_drift: the law of age turned"
    assert decide(found, policy()).wanted is Remedy.RETRAIN


def test_a_ruling_overrules_no_finding() -> None:
    assert with_ruling(BROKEN, Cause.CONCEPT_DRIFT, "ann") is BROKEN
