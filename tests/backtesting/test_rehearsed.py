"""Serving and registry of a rehearsal keep the rules of the real ones."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from modelmedic.steps.adapters.memory.serving import Ask, RehearsedServing
from modelmedic.steps.contracts.errors import Conflict, Refused, Transient
from modelmedic.steps.contracts.serving import Traffic
from modelmedic.steps.contracts.training import ModelVersion

ROWS = pa.table({"x": np.arange(100.0)})


def model(version: str) -> ModelVersion:
    return ModelVersion("tiny", version, f"digest-{version}", f"models/digest-{version}")


def load(asked: ModelVersion) -> Ask:
    """Answers its own number; version 9 would not come up, and version 8 fails whatever it is
    asked.
    """
    if asked.version == "9":
        raise Refused("version 9 cannot serve")

    def ask(rows: pa.Table) -> np.ndarray:
        if asked.version == "8":
            raise Transient("version 8 answered 500")
        return np.full(rows.num_rows, float(asked.version))

    return ask


@pytest.fixture
def serving() -> RehearsedServing:
    made = RehearsedServing(load)
    made.start(model("1"))
    return made


def test_every_row_is_a_request_and_a_share_is_exact(serving: RehearsedServing) -> None:
    state = serving.start_canary(model("2"), expected=serving.state().generation)
    assert set(serving.serve(ROWS).versions) == {"1"}
    serving.set_share(20, expected=state.generation)
    answers = serving.serve(ROWS)
    assert answers.versions.count("2") == answers.roles.count("canary") == 20
    assert [value == 2.0 for value in answers.values] == [version == "2" for version in answers.versions]
    assert serving.traffic() == {"champion": Traffic(180, 0, 0.001), "canary": Traffic(20, 0, 0.001)}


def test_rows_keep_their_order_whoever_answers(serving: RehearsedServing) -> None:
    state = serving.start_canary(model("2"), expected=serving.state().generation)
    serving.set_share(50, expected=state.generation)
    assert serving.serve(ROWS.slice(0, 4)).values.tolist() == [1.0, 2.0, 1.0, 2.0]


def test_failing_canary_is_charged_and_the_champion_answers(serving: RehearsedServing) -> None:
    state = serving.start_canary(model("8"), expected=serving.state().generation)
    serving.set_share(50, expected=state.generation)
    assert set(serving.serve(ROWS).versions) == {"1"}
    assert serving.traffic()["canary"] == Traffic(50, 50, 0.001)


def test_model_that_does_not_come_up_leaves_nothing_behind(serving: RehearsedServing) -> None:
    before = serving.state()
    with pytest.raises(Refused, match="cannot serve"):
        serving.start_canary(model("9"), expected=before.generation)
    assert serving.state() == before


def test_stale_generation_changes_nothing_and_retreat_needs_none(serving: RehearsedServing) -> None:
    state = serving.start_canary(model("2"), expected=serving.state().generation)
    with pytest.raises(Conflict):
        serving.promote(expected=state.generation - 1)
    serving.promote(expected=state.generation)
    assert serving.serve(ROWS.slice(0, 1)).versions == ("2",)
    serving.restore(model("1"))
    assert serving.serve(ROWS.slice(0, 1)).versions == ("1",)
    assert serving.withdraw() == serving.state()


def test_nothing_serves_before_a_first_champion(tmp_path: Path) -> None:
    del tmp_path
    with pytest.raises(Transient, match="nothing serves"):
        RehearsedServing(load).serve(ROWS)
