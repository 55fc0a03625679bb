"""What a bootstrap trains anew, and what it takes as it lies there."""

from pathlib import Path

import pytest

from modelmedic.steps.bootstrap.candidate import Candidate, candidate_key
from modelmedic.steps.bootstrap.rows import keep_rows
from modelmedic.steps.bootstrap.train import train_first
from modelmedic.steps.records.documents import read
from modelmedic.steps.runtime.run import Site
from modelmedic.steps.training.process import in_this_process
from tests.worlds.training import START, TURN, policy, rows, site

TRAINER = """
from sklearn.dummy import DummyClassifier

def train(frame, policy):
    return DummyClassifier(strategy="constant", constant={answer}).fit(frame[["age"]], frame["left"])
"""
RULES = policy()
OLD = rows(START, TURN, RULES)


@pytest.fixture
def at(tmp_path: Path) -> Site:
    return site(tmp_path, RULES, OLD.slice(0, 0))


def _candidates(at: Site) -> list[str]:
    return [key for key in at.store.list("candidates/") if key.count("/") == 3]


def test_the_same_rows_code_and_policy_are_trained_once(at: Site) -> None:
    snapshot = keep_rows(at, OLD)
    with in_this_process():
        name = train_first(at, snapshot)
        assert train_first(at, snapshot) == name
    assert _candidates(at) == [candidate_key(at, name)]
    made = read(at.store, Candidate, candidate_key(at, name))
    assert made is not None
    assert made.snapshot == snapshot


def test_a_changed_policy_is_trained_anew(at: Site) -> None:
    """Its gates would else judge a model that was made by other rules."""
    snapshot = keep_rows(at, OLD)
    with in_this_process():
        first = train_first(at, snapshot)
        at.policy = policy(retrain={"minRows": 600})
        assert train_first(at, snapshot) != first
    assert len(_candidates(at)) == 2


def test_changed_training_code_is_trained_anew(at: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault of a refused first champion is mended in its training code, as a rule."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parents[2]}")
    at.policy = policy(retrain={"minRows": 500, "entrypoint": "teach_churn:train"})
    snapshot, made = keep_rows(at, OLD), []
    for answer in (0, 1):
        (tmp_path / "teach_churn.py").write_text(TRAINER.format(answer=answer))
        made.append(read(at.store, Candidate, candidate_key(at, train_first(at, snapshot))))
    assert made[0] is not None
    assert made[1] is not None
    assert (made[0].code != made[1].code, made[0].digest != made[1].digest) == (True, True)
