"""A unit that changed for good looks broken for two windows; then a person is asked, with the
losses of models taught with and without its rows, and what learnt from them serves by that person's
word alone.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelmedic.steps.approval.answers import give
from modelmedic.steps.approval.quarantine_release import release
from modelmedic.steps.contracts.keys import model_hash, notification_key, report_key
from modelmedic.steps.contracts.notification import Notification
from modelmedic.steps.contracts.results import CloseResult, DiagnoseResult, RetrainResult, ValidateResult
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Cause, Outcome
from modelmedic.steps.data.snapshots import read_snapshot
from modelmedic.steps.heal.engine import heal
from modelmedic.steps.heal.steps import call
from modelmedic.steps.incidents.opening import open_by_hand
from modelmedic.steps.records.documents import read
from modelmedic.steps.runtime.run import Run
from modelmedic.steps.training.process import in_this_process
from tests.worlds.new_unit import CHANGE, TABLE, WEEK, NewUnit

pytestmark = pytest.mark.xdist_group("a new unit")
SPANS = tuple(Window(CHANGE + n * WEEK, CHANGE + (n + 1) * WEEK) for n in range(3))


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[NewUnit, Run]]:
    """The world at the question, and the incident that asks it; the heal was killed once, when
    both challengers had been trained.
    """
    with in_this_process():
        world = NewUnit(tmp_path_factory.mktemp("asked") / "world")
        world.site.pages = True
        yield world, world.asked(killed_before="validate")


def told(world: NewUnit, run: Run) -> list[Notification]:
    keys = world.site.store.list(notification_key(run.incident.model, run.incident.id))
    return [note for key in keys if (note := read(world.site.store, Notification, key))]


def test_the_second_window_ends_in_a_question_with_both_curves(asked: tuple[NewUnit, Run]) -> None:
    world, run = asked
    found, trained = run.result(DiagnoseResult), run.result(RetrainResult)
    assert found.lasting is not None
    assert (found.diagnosis.cause, found.lasting.spans) == (Cause.DATA_QUALITY, SPANS)
    assert world.site.history.quarantined("churn") == SPANS
    compared = trained.ablation
    assert compared is not None
    assert compared.with_them
    assert None not in (compared.taught_with, compared.taught_without, compared.champion)
    assert 2 * compared.taught_with < min(compared.taught_without, compared.champion)  # type: ignore[operator,type-var]
    assert len(compared.blocks) >= 10
    (message,) = told(world, run)
    assert compared.sentence in message.description
    assert f"modelmedic approve {run.incident.id}" in message.description


def test_two_trainings_answer_the_question_though_the_heal_was_killed_and_looked_at_again(asked: tuple[NewUnit, Run]) -> None:
    world, run = asked
    before = run.site.ledger.stage(run.incident, "retrain")
    assert heal(run, table=TABLE).waiting_at == "approve"
    assert run.site.ledger.stage(run.incident, "retrain") == before
    tried = run.result(RetrainResult).tried
    assert [each.reason.partition(" the rows")[0] for each in tried] == ["with", "without"]
    assert world.trainings == [True, True, True]  # the first champion's, and these two


def test_neither_challenger_learnt_the_newest_rows_and_one_none_in_doubt(asked: tuple[NewUnit, Run]) -> None:
    _, run = asked
    trained = run.result(RetrainResult)
    learnt, judged = (read_snapshot(run.site.store, str(digest)) for digest in (trained.snapshot, trained.holdout))
    assert max(learnt["at"].to_pylist()) < min(judged["at"].to_pylist())
    assert trained.twin is None
    first, second = trained.tried
    assert first.rows - second.rows > 1000


def test_the_page_shows_the_person_three_curves(asked: tuple[NewUnit, Run]) -> None:
    world, run = asked
    page = world.site.store.get(report_key(model_hash("churn"), run.incident.epoch, "incident.html")).data.decode()
    section = page[page.index("Do the rows that are set aside count?") :]
    picture = section[section.index("<svg") : section.index("</svg>")]
    for name in ("taught with them", "taught without them", "the one that serves"):
        assert f">{name}</text>" in picture
    assert picture.count("cur-line") == picture.count("age-line") == picture.count("age-known") == 2
    assert f"modelmedic quarantine release POLICY {run.incident.id}" in section


def test_the_approved_challenger_serves_and_its_rows_count_again(asked: tuple[NewUnit, Run]) -> None:
    world, run = asked
    champion = world.site.registry.alias("champion")
    assert world.answer(run, approved=True).outcome == "healed"
    assert world.site.registry.alias("champion") == run.result(ValidateResult).version != champion
    assert world.site.history.quarantined("churn") == ()
    assert {each.release.by for each in world.site.history.quarantines("churn") if each.release} == {("ann",)}
    assert "quarantine.released" in [record.event for record in world.site.trail.records()]
    world.live_until(CHANGE + 5 * WEEK)
    after, _ = world.heal()
    assert after.result(DiagnoseResult).diagnosis.cause is not Cause.DATA_QUALITY


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[NewUnit, Run]]:
    """The world in which the person said no."""
    with in_this_process():
        world = NewUnit(tmp_path_factory.mktemp("refused") / "world")
        run = world.asked()
        assert world.answer(run, approved=False).outcome == "rejected"
        yield world, run


def test_a_no_keeps_the_rows_aside_and_names_what_releases_them(refused: tuple[NewUnit, Run]) -> None:
    world, run = refused
    assert world.site.registry.alias("champion") == "1"
    assert world.site.history.quarantined("churn") == SPANS
    (last,) = (note for note in told(world, run) if note.event == "incident.closed")
    assert f"modelmedic quarantine release POLICY {run.incident.id}" in last.description
    assert run.result(RetrainResult).ablation.sentence in last.description  # type: ignore[union-attr]


def test_rows_that_are_released_later_are_learnt_by_a_heal_that_serves(refused: tuple[NewUnit, Run]) -> None:
    world, run = refused
    site = world.site
    release(site.store, site.clock, site.policy, run.incident.id, by="ann", why="cents it is")
    world.live_until(CHANGE + 5 * WEEK)
    healed, walk = world.heal()
    assert walk.outcome == "healed"
    learnt = read_snapshot(site.store, str(healed.result(RetrainResult).snapshot))
    assert sum(SPANS[0].start <= at < SPANS[1].end for at in learnt["at"].to_pylist()) > 500
    assert healed.result(RetrainResult).ablation is None


def test_a_freeze_holds_the_question_back_and_the_quarantine_goes_on(tmp_path: Path) -> None:
    with in_this_process():
        world = NewUnit(tmp_path / "world")
        world.replayed.bootstrap()
        world.site.freezes.freeze("churn", by="ann", reason="audit")
        for week in (1, 2, 3):
            world.live_until(CHANGE + week * WEEK)
            run, walk = world.heal()
            assert walk.outcome == Outcome.QUARANTINED
    assert "a person is not asked yet about what lasts, because model churn is frozen" in run.result(DiagnoseResult).decision.sentence
    assert run.result_if_any(RetrainResult) is None
    assert run.result(CloseResult).outcome is Outcome.QUARANTINED


@pytest.mark.slow
def test_the_same_question_step_by_step_with_trainings_in_processes_of_their_own(tmp_path: Path) -> None:
    world = NewUnit(tmp_path / "world")
    with in_this_process():
        world.replayed.bootstrap()
        for week in (1, 2):
            world.live_until(CHANGE + week * WEEK)
            world.heal()
    world.live_until(CHANGE + 3 * WEEK)
    run = open_by_hand(world.site)
    assert call("diagnose", run, {}) == {"remedy": "retrain", "approval": "needed"}
    assert call("retrain", run, {}) == {"trained": "yes"}
    version = call("validate", run, {})["version"]
    give(world.site.store, world.site.clock, run.incident.id, approved=True, by="ann", policy=world.site.policy)
    assert call("deploy", run, {"version": version}) == call("close", run, {}) == {"outcome": "healed"}
    assert world.site.history.quarantined("churn") == ()
