"""From labelled rows to a first champion, from a diagnosis to a challenger that passed its gates,
and every reason to say no.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from modelmedic.steps.adapters.models.files import digest, pull
from modelmedic.steps.bootstrap.in_process import bootstrap
from modelmedic.steps.bootstrap.rows import plan_for
from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.errors import BadInput, Refused
from modelmedic.steps.contracts.results import LastingQuarantine, RetrainResult, ValidateResult
from modelmedic.steps.contracts.training import ModelVersion, TrainingPlan
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Cause, Outcome, Remedy
from modelmedic.steps.core.incidents.outcome import ending
from modelmedic.steps.core.validation.gates import undecided
from modelmedic.steps.data.snapshots import read_snapshot
from modelmedic.steps.heal.retrain import retrain
from modelmedic.steps.heal.validate import validate
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.runtime.run import Run, Site
from modelmedic.steps.runtime.versions import taught_until
from modelmedic.steps.training.process import in_this_process
from tests.worlds.training import NOW, START, TURN, diagnosed, moved_in, policy, rows, site

pytestmark = pytest.mark.xdist_group("first champion")
RULES = policy()
OLD = rows(START, TURN, RULES)
LOG = rows(TURN - timedelta(days=10), NOW, RULES)


@dataclass
class Lived:
    site: Site
    first: ModelVersion
    run: Run


@pytest.fixture(scope="module")
def lived(bootstrapped: tuple[Site, ModelVersion], tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """Bootstrapped, diagnosed, retrained and validated once; the tests look at what is there."""
    first, version = bootstrapped
    at = moved_in(tmp_path_factory.mktemp("lived"), first, LOG)
    run = diagnosed(at)
    with in_this_process():
        assert dict(retrain(run)) == {"trained": "yes"}
        validate(run)
    return Lived(at, version, run)


def _unchanged_under_cautious(lived: Lived, tmp_path: Path) -> Site:
    """A world that did not change, of a careful policy."""
    quiet = rows(START, TURN, RULES, seed=5)
    moved = quiet.set_column(0, "at", pc.add(quiet["at"], pa.scalar(NOW - TURN, pa.duration("us"))))
    at = _fresh(lived, tmp_path, moved)
    at.policy = policy(retrain={"minRows": 500, "risk": "cautious"})
    return at


def _fresh(lived: Lived, tmp_path: Path, table: pa.Table) -> Site:
    """Another site with the same registry, store and references, whose log is `table` and whose
    ledger knows no incident.
    """
    at = site(tmp_path, RULES, table, lived.site.registry)
    at.references.keep("1", lived.site.references.table("1"))
    return at


def test_first_champion_serves_is_aliased_and_is_history(lived: Lived) -> None:
    served = lived.site.serving.state().champion
    assert served is not None
    assert (served.version, served.digest) == (lived.first.version, lived.first.digest)
    assert lived.site.registry.alias("champion") == lived.first.version
    assert lived.site.history.releases("churn") == (Release(NOW, lived.first.version, None, by="bootstrap"),)


def test_first_reference_is_the_later_rows_with_the_champions_answers(lived: Lived) -> None:
    kept = lived.site.references.table(lived.first.version)
    assert kept.column_names == OLD.column_names
    assert kept.num_rows == OLD.num_rows // 4
    assert pc.min(kept["at"]) == OLD["at"][OLD.num_rows - kept.num_rows]
    assert set(kept["model_version"].to_pylist()) == {lived.first.version}
    assert pc.stddev(kept["prediction"]).as_py() > 0.1


def test_bootstrap_twice_is_one_champion_and_other_rows_are_refused(lived: Lived) -> None:
    assert bootstrap(lived.site, OLD) == lived.first
    with pytest.raises(Refused, match="has a champion already"):
        bootstrap(lived.site, OLD.slice(0, 4000))


def test_challenger_learnt_all_rows_after_the_onset_and_its_twin_was_judged_on_the_newest(lived: Lived) -> None:
    """In a world that turned the trial on the known rows chooses the rows after the turn."""
    trained = lived.run.result(RetrainResult)
    assert trained.plan.new
    assert "after the onset" in trained.tried[0].reason
    assert len(trained.ways) == len(trained.tried) == 4  # it was chosen on the newest rows, so the gates count all four
    learnt, judged = (read_snapshot(lived.site.store, str(digest)) for digest in (trained.snapshot, trained.holdout))
    assert pc.min(learnt["at"]).as_py() >= TURN
    assert pc.max(learnt["at"]).as_py() == pc.max(judged["at"]).as_py() < NOW - timedelta(days=1)
    assert learnt.num_rows == trained.rows
    assert trained.twin not in (None, trained.candidate)


def test_good_challenger_passes_and_is_called_challenger_while_the_champion_stays(lived: Lived) -> None:
    document = lived.run.site.ledger.stage(lived.run.incident, "validate") or {}
    assert document["outputs"] == {"passed": "yes", "version": document["version"], "digest": document["digest"]}
    assert [gate["name"] for gate in document["validation"]["gates"]] == [
        *(
            "loads",
            "signature",
            "latency",
            "memory",
            "labels",
            "no_worse",
            "worth_it",
            "leakage",
            "slice:plan",
            "old_regime",
            "like_its_twin",
        )
    ]
    assert lived.site.registry.alias("challenger") == document["version"]
    assert lived.site.registry.alias("champion") == lived.first.version


def test_registered_version_says_where_it_came_from_and_its_files_are_where_servers_read(lived: Lived, tmp_path: Path) -> None:
    document, trained = (
        lived.run.site.ledger.stage(lived.run.incident, "validate") or {},
        lived.run.site.ledger.stage(lived.run.incident, "retrain") or {},
    )
    version = lived.site.registry.version(document["version"])
    assert version.digest == trained["candidate"] == document["digest"]
    assert digest(pull(lived.site.store, version.uri, tmp_path / "files", version.digest)) == version.digest
    said = {
        "incident": lived.run.incident.id,
        "cause": "concept_drift",
        "snapshot": trained["snapshot"],
        "policy": RULES.hash,
        "passed": "yes",
    }
    assert said.items() <= dict(version.tags).items()
    assert taught_until(version) == lived.run.result(RetrainResult).plan.holdout.end == NOW - timedelta(days=1)
    assert taught_until(lived.first) == pc.min(lived.site.references.table(lived.first.version)["at"]).as_py()


def test_reference_of_the_challenger_has_its_twins_answers_and_the_replay_its_own(lived: Lived) -> None:
    document = lived.run.site.ledger.stage(lived.run.incident, "validate") or {}
    kept, trained = lived.site.references.table(document["version"]), lived.run.site.ledger.stage(lived.run.incident, "retrain") or {}
    beside = read_snapshot(lived.site.store, trained["beside"])
    assert kept.num_rows == document["validation"]["metrics"]["holdout_rows"] + beside.num_rows
    assert beside.num_rows > 0
    replay = lived.site.references.replay(document["version"]).sort_by("request_id")
    same = kept.filter(pc.is_in(kept["request_id"], value_set=replay["request_id"].combine_chunks())).sort_by("request_id")
    assert replay.num_rows == RULES.rollout.replayRequests
    assert replay.drop_columns(["prediction"]).equals(same.drop_columns(["prediction"]))
    apart = np.abs(replay["prediction"].to_numpy() - same["prediction"].to_numpy())
    assert 0 < apart.mean() < 0.1
    known = np.corrcoef(kept["prediction"].to_numpy(), kept["left"].to_numpy())[0, 1]
    assert known > 0.4  # the world turned, and these answers know it


def test_every_gate_and_effect_is_on_the_trail(lived: Lived) -> None:
    events = [record.event for record in AuditTrail(lived.site.store, "churn", lived.site.clock, "test").records()]
    assert events.count("gate.passed") == 7 + 11  # the first champion's and the challenger's
    assert {"model.trained", "version.registered", "serving.started", "alias.moved"} <= set(events)


def test_stages_run_again_change_nothing(lived: Lived) -> None:
    before = (
        lived.site.registry.versions(),
        lived.run.site.ledger.stage(lived.run.incident, "retrain"),
        lived.run.site.ledger.stage(lived.run.incident, "validate"),
    )
    retrain(lived.run)
    validate(lived.run)
    assert (
        lived.site.registry.versions(),
        lived.run.site.ledger.stage(lived.run.incident, "retrain"),
        lived.run.site.ledger.stage(lived.run.incident, "validate"),
    ) == before


@pytest.mark.slow
def test_under_cautious_a_challenger_of_a_world_that_did_not_change_stays_in_the_dark(lived: Lived, tmp_path: Path) -> None:
    at = _unchanged_under_cautious(lived, tmp_path)
    run, before = diagnosed(at, Cause.COVARIATE_SHIFT), at.registry.alias("challenger")
    assert dict(retrain(run)) == {"trained": "yes"}
    assert validate(run)["passed"] == "no"
    judged = run.result(ValidateResult)
    assert "no_worse" in [gate.name for gate in judged.validation.gates if not gate.passed]
    assert judged.dark
    assert at.registry.alias("challenger") == judged.version != before
    assert at.registry.version(judged.version).tags["passed"] == "dark"
    assert at.references.table(judged.version).num_rows > 0
    ended = ending(at.ledger.stages(run.incident))
    assert ended.outcome is Outcome.REJECTED
    assert f"version {judged.version} stays in the dark" in ended.sentence
    at.registry.move_alias("challenger", str(before), expected=judged.version)  # the other tests' registry


@pytest.mark.slow
def test_what_may_have_learnt_from_rows_in_doubt_is_not_kept_in_the_dark(lived: Lived, tmp_path: Path) -> None:
    """From there it could come to serve without the person's answer."""
    at = _unchanged_under_cautious(lived, tmp_path)
    lasting = LastingQuarantine(Cause.DATA_QUALITY, NOW - timedelta(days=14), (Window(NOW - timedelta(days=21), NOW),), ("spend",), "so")
    run = diagnosed(at, Cause.DATA_QUALITY, lasting=lasting)
    assert dict(retrain(run)) == {"trained": "yes"}
    assert validate(run)["passed"] == "no"
    judged = run.result(ValidateResult)
    assert undecided(judged.validation.gates)
    assert not judged.dark
    assert at.registry.version(judged.version).tags["passed"] == "no"


def test_quarantined_rows_are_not_learnt_from(lived: Lived, tmp_path: Path) -> None:
    at = _fresh(lived, tmp_path, LOG)
    at.history.quarantine("churn", Window(TURN, NOW), reason="broken", incident="x")
    run = diagnosed(at)
    assert dict(retrain(run)) == {"trained": "no"}
    assert "only 0 labels since " in (run.site.ledger.stage(run.incident, "retrain") or {})["sentence"]


@pytest.mark.parametrize("fault", ["null", "unit", "missing"])
def test_broken_rows_are_never_learnt_from(lived: Lived, tmp_path: Path, fault: str) -> None:
    spend = LOG["spend"].to_numpy()
    broken = {
        "null": LOG.set_column(2, "spend", pa.array(np.where(np.arange(len(spend)) % 2, spend, np.nan), from_pandas=True)),
        "unit": LOG.set_column(2, "spend", pa.array(spend * 100)),
        "missing": LOG.drop_columns(["spend"]),
    }[fault]
    run = diagnosed(_fresh(lived, tmp_path, broken))
    assert dict(retrain(run)) == {"trained": "no"}
    document = run.site.ledger.stage(run.incident, "retrain") or {}
    assert "broken" in document["sentence"]
    assert "spend" in document["sentence"]
    assert document["candidate"] is None


def test_labels_that_the_model_wrote_itself_are_refused(lived: Lived, tmp_path: Path) -> None:
    echoed = LOG.set_column(LOG.column_names.index("left"), "left", pc.cast(pc.greater(LOG["prediction"], 0.5), pa.float64()))
    run = diagnosed(_fresh(lived, tmp_path, echoed))
    assert dict(retrain(run)) == {"trained": "no"}
    assert "its own answers" in (run.site.ledger.stage(run.incident, "retrain") or {})["sentence"]


def test_no_labels_train_nobody(lived: Lived, tmp_path: Path) -> None:
    run = diagnosed(_fresh(lived, tmp_path, LOG.slice(0, 0)))
    assert dict(retrain(run)) == {"trained": "no"}


def test_failed_training_leaves_a_sentence_and_the_champion(lived: Lived, tmp_path: Path) -> None:
    at = _fresh(lived, tmp_path, LOG)
    at.policy = policy(retrain={"minRows": 500, "entrypoint": "tests.training.trainers:crashing"})
    run = diagnosed(at)
    with in_this_process():
        assert dict(retrain(run)) == {"trained": "no"}
    assert "KeyError" in (run.site.ledger.stage(run.incident, "retrain") or {})["sentence"]
    assert at.registry.alias("champion") == lived.first.version


def test_candidate_that_was_changed_after_training_is_refused(lived: Lived, tmp_path: Path) -> None:
    at = _fresh(lived, tmp_path, LOG)
    run = diagnosed(at)
    folder = tmp_path / "candidate"
    folder.mkdir()
    (folder / "MLmodel").write_text("flavors: {}\n")
    hashed = digest(folder)
    at.store.create(f"candidates/{run.incident.id.rpartition('-')[0]}/{run.incident.epoch:06d}/{hashed}/MLmodel", b"flavors: {evil: {}}\n")
    plan = TrainingPlan(Remedy.RETRAIN, run.incident.window, run.incident.window)
    run.record(RetrainResult(plan, True, candidate=hashed, holdout="0" * 64, snapshot="0" * 64))
    with pytest.raises(Refused, match="they are not used"):
        validate(run)


@pytest.mark.slow
def test_recalibration_puts_a_line_on_the_champion(lived: Lived, tmp_path: Path) -> None:
    """Fewer and fewer leave, in every part alike: the champion's order holds, its level does
    not.
    """
    quiet = rows(START, TURN, RULES, seed=6, a_day=200)
    rng = np.random.default_rng(6)
    kept = quiet.filter(pa.array((quiet["left"].to_numpy() == 0) | (rng.random(quiet.num_rows) < 0.25)))
    moved = kept.set_column(0, "at", pc.add(kept["at"], pa.scalar(NOW - TURN, pa.duration("us"))))
    at = _fresh(lived, tmp_path, moved)
    run = diagnosed(at, Cause.LABEL_SHIFT, Remedy.RECALIBRATE, onset=NOW - timedelta(days=20))
    assert dict(retrain(run)) == {"trained": "yes"}
    assert validate(run)["passed"] == "yes", (run.site.ledger.stage(run.incident, "validate") or {})["validation"]["gates"]
    gates = {gate["name"]: gate for gate in (run.site.ledger.stage(run.incident, "validate") or {})["validation"]["gates"]}
    assert gates["ranking"]["value"] == pytest.approx(0.0, abs=1e-9)
    assert gates["no_worse"]["low"] > 0


def test_rows_that_cannot_be_bootstrapped_are_named() -> None:
    with pytest.raises(BadInput, match="column spend is not in the rows"):
        plan_for(RULES, OLD.drop_columns(["spend"]))
    with pytest.raises(BadInput, match=r"column age of the rows has .* no number \(string\)"):
        plan_for(RULES, OLD.set_column(1, "age", pa.array(["old"] * OLD.num_rows)))
    with pytest.raises(BadInput, match="there are 300 labelled rows"):
        plan_for(RULES, OLD.slice(0, 300))
    assert plan_for(RULES, OLD)[0].enough


@pytest.mark.slow
def test_champion_that_knows_nothing_is_not_served(tmp_path: Path) -> None:
    blind = OLD.set_column(OLD.column_names.index("left"), "left", pa.array(np.random.default_rng(1).permutation(OLD["left"].to_numpy())))
    at = site(tmp_path, RULES, LOG)
    with pytest.raises(Refused, match="mean of the training labels"):
        bootstrap(at, blind)
    assert at.serving.state().champion is None
    assert at.registry.versions() == ()


def test_cautious_people_are_served_what_was_judged(lived: Lived, tmp_path: Path) -> None:
    at = _fresh(lived, tmp_path, LOG)
    at.policy = policy(retrain={"minRows": 500, "risk": "cautious"})
    run = diagnosed(at)
    with in_this_process():
        assert dict(retrain(run)) == {"trained": "yes"}
        validate(run)
    trained, judged = run.result(RetrainResult), run.result(ValidateResult)
    assert trained.twin is None
    assert judged.twin is None
    assert "like_its_twin" not in [gate.name for gate in judged.validation.gates]
    learnt, holdout = (read_snapshot(at.store, str(digest)) for digest in (trained.snapshot, trained.holdout))
    assert pc.max(learnt["at"]).as_py() < pc.min(holdout["at"]).as_py()
