"""A heal at the cap says that it waits; one that waits for rows is no failure and wakes nobody."""

from datetime import timedelta
from pathlib import Path

import pytest

from modelmedic.steps.contracts.diagnosis import COUNTED, Diagnosis, Evidence
from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.contracts.results import LastingQuarantine, RetrainResult
from modelmedic.steps.contracts.training import TrainingPlan
from modelmedic.steps.contracts.words import Cause, Outcome, Remedy
from modelmedic.steps.core.decision.limits import counts_as_failure
from modelmedic.steps.heal.close import close
from modelmedic.steps.heal.diagnose import limits_against
from modelmedic.steps.runtime.run import Run, Site
from tests.worlds.played import WINDOW, policy, run, site
from tests.worlds.results import diagnosed

DRIFT = Diagnosis(Cause.CONCEPT_DRIFT, 0.9, harm="shown")
FEW = Diagnosis(Cause.INSUFFICIENT_EVIDENCE, 0.9, evidence=(Evidence(COUNTED, "the windows have 9 and 9 rows"),), sentence="too few")
UNCLEAR = Diagnosis(Cause.INSUFFICIENT_EVIDENCE, 0.9, evidence=(Evidence("mean.moved", "so"),), sentence="nothing fits")


def told(at: Site) -> Severity:
    return at.notifier.notifications[-1].severity  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(("found", "severity"), [(FEW, Severity.WARNING), (UNCLEAR, Severity.CRITICAL)])
def test_a_window_with_too_few_rows_pages_nobody(tmp_path: Path, found: Diagnosis, severity: Severity) -> None:
    here = run(site(tmp_path))
    here.record(diagnosed(Remedy.ESCALATE, found=found))
    assert close(here)["outcome"] == Outcome.ESCALATED.value
    assert told(here.site) is severity


@pytest.mark.parametrize(("enough", "severity"), [(False, Severity.WARNING), (True, Severity.CRITICAL)])
def test_rows_that_stay_set_aside_and_cannot_be_compared_yet_page_nobody(tmp_path: Path, enough: bool, severity: Severity) -> None:
    here = run(site(tmp_path))
    lasting = LastingQuarantine(Cause.DATA_QUALITY, WINDOW.start, (WINDOW,))
    here.record(diagnosed(found=DRIFT, lasting=lasting))
    plan = TrainingPlan(Remedy.RETRAIN, WINDOW, WINDOW, reason="too few rows", enough=enough)
    here.record(RetrainResult(plan, trained=False, sentence="no challenger was trained"))
    assert close(here)["outcome"] == Outcome.ESCALATED.value
    assert told(here.site) is severity
    assert [counts_as_failure(heal) for heal in here.site.ledger.past_heals("churn")] == [False]


def test_a_heal_at_the_cap_is_held_back_by_its_place_in_the_queue(tmp_path: Path) -> None:
    at = site(tmp_path, rules=policy(limits={"concurrentHeals": 1, "maxWait": "6h"}))
    here = run(at)
    assert limits_against(here, DRIFT, Remedy.RETRAIN) == ()
    at.ledger.open_incident("loans", "hash", WINDOW, "drift-verdict", {})
    (full,) = limits_against(here, DRIFT, Remedy.RETRAIN)
    assert (full.limit, full.since, full.until) == ("cap", here.incident.opened_at, here.incident.opened_at + timedelta(hours=6))
    at.clock.sleep(timedelta(hours=6))
    (over,) = limits_against(Run(at, here.incident), DRIFT, Remedy.RETRAIN)
    assert (over.limit, "it has waited 6 h 0 min" in over.sentence) == ("turn", True)
