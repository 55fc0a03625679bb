"""Faults planted in real windows: each changes what it says and nothing else, and its harm is
measured.
"""

import json
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.words import Cause, Remedy
from tests.benchmarks.real.faults import floor, oracle, run
from tests.benchmarks.real.faults.judging import Mark, mark, report, thresholds
from tests.benchmarks.real.faults.kinds import KINDS
from tests.benchmarks.real.faults.planting import BROKEN, Fault, Planted, as_it_is, plant, touched
from tests.benchmarks.real.faults.release_faults import BAD
from tests.benchmarks.real.faults.sources import ANSWER, REQUEST, VERSION, Life, Scene, live, microseconds, scenes, shipped


@pytest.fixture(scope="module")
def lives() -> dict[str, Life]:
    """Half of the weather: a regression. A few flights: two classes, and codes that count."""
    found = {each.name: each for each in shipped(0.045)}
    found["weather"] = replace(found["weather"], rows=found["weather"].rows[::2].reset_index(drop=True))
    return {name: live(each) for name, each in found.items()}


@pytest.fixture(scope="module")
def life(lives: dict[str, Life]) -> Life:
    return lives["weather"]


@pytest.fixture(scope="module")
def scene(life: Life) -> Scene:
    return scenes(life)[-1]


@pytest.fixture(scope="module", params=["weather", "flights"])
def either(request: pytest.FixtureRequest, lives: dict[str, Life]) -> Scene:
    return scenes(lives[request.param])[-1]


def test_each_kind_finds_a_place_in_one_of_two_streams(lives: dict[str, Life]) -> None:
    placed = {kind.name for kind in KINDS for found in lives.values() if plant(scenes(found)[-1], kind, 3) is not None}
    assert placed == {kind.name for kind in KINDS}


def planted(scene: Scene, name: str, seed: int = 0) -> Planted:
    case = plant(scene, next(kind for kind in KINDS if kind.name == name), seed)
    assert case is not None
    return case


def differing(usual: pd.DataFrame, broken: pd.DataFrame) -> set[str]:
    return {c for c in usual.columns if c not in broken or not usual[c].equals(broken[c])}


def test_there_are_enough_kinds_of_each_family() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert {kind.family for kind in KINDS} == {"column", "rows", "labels", "release", "world"}
    assert sum(kind.family != "world" for kind in KINDS) >= 15


def test_a_reference_is_answered_by_a_twin_that_was_taught_none_of_it(life: Life) -> None:
    for own in life.champions:
        assert not set(own.twin_taught) & set(own.apart)
        assert set(own.taught) == set(own.twin_taught) | set(own.apart)
        late = life.source.at[own.apart[-1]] + 86_400_000_000
        assert late <= own.since, "the newest rows of the reference had no label when the champion was taught"


def test_a_window_lies_within_one_reign_and_its_last_labels_are_unknown(scene: Scene) -> None:
    assert scene.champion.since <= scene.start
    assert scene.end <= scene.champion.until
    case = as_it_is(scene)
    current = run.table(case.frame, scene.source, scene.end)
    unknown = np.asarray(current[scene.source.target].is_null())
    assert (unknown == (scene.source.at[scene.rows] >= scene.end - 86_400_000_000)).all()
    assert (np.asarray(current[VERSION]) == scene.champion.version).all()


def test_the_past_ends_where_the_window_begins(scene: Scene) -> None:
    past = scene.past().to_pandas()
    assert microseconds(past[scene.source.time]).max() < scene.start
    assert past[scene.source.target].iloc[-1:].isna().all()
    first = scene.life.champions[0].since
    assert (past[ANSWER].notna() == (microseconds(past[scene.source.time]) >= first)).all()


@pytest.mark.parametrize("kind", [k for k in KINDS if k.family == "column"], ids=lambda k: k.name)
def test_a_broken_column_changes_nothing_but_itself(either: Scene, kind: Fault) -> None:
    scene, case = either, plant(either, kind, 3)
    if case is None:
        return  # another test says that it finds a place in the other stream
    changed = differing(scene.frame(), case.frame) - {ANSWER}
    assert changed
    assert changed <= set(case.truth.columns)
    assert case.truth.causes == (Cause.DATA_QUALITY,)
    assert set(case.truth.columns) & set(scene.champion.features)
    if kind.name not in ("column missing", "number as text"):
        rows = np.zeros(len(case.frame), dtype=bool)
        for column in changed:
            usual = scene.frame()[column]
            rows |= np.asarray((usual != case.frame[column]) & ~(usual.isna() & case.frame[column].isna()))
        assert microseconds(case.frame[scene.source.time])[rows].min() >= case.onset
        if isinstance(case.truth.segment, tuple):
            column, value = case.truth.segment
            assert (case.frame[column][rows].astype(str) == value).all()


@pytest.mark.parametrize("kind", [k for k in KINDS if k.family == "labels"], ids=lambda k: k.name)
def test_a_fault_of_labels_leaves_features_and_answers_alone(either: Scene, kind: Fault) -> None:
    scene, case = either, plant(either, kind, 4)
    if case is None:
        assert kind.name in ("labels flipped", "labels multiplied", "labels defaulted"), "one is of classes, two of numbers"
        return
    assert differing(scene.frame(), case.frame) == {scene.source.target}
    assert case.truth.causes == (Cause.LABEL_QUALITY,)


@pytest.mark.parametrize("kind", [k for k in KINDS if k.family == "release"], ids=lambda k: k.name)
def test_a_bad_release_changes_answers_and_leaves_its_record_or_none(scene: Scene, kind: Fault) -> None:
    case = plant(scene, kind, 5)
    assert case is not None
    recorded = not kind.name.endswith("no record")
    assert differing(scene.frame(), case.frame) == ({ANSWER, VERSION} if recorded else {ANSWER})
    assert (BAD in set(case.frame[VERSION])) == recorded
    assert (BAD in {r.version for r in case.releases}) == recorded
    late = microseconds(case.frame[scene.source.time]) >= case.onset
    assert np.allclose(case.frame[ANSWER][~late], scene.frame()[ANSWER][~late])


@pytest.mark.parametrize("kind", [k for k in KINDS if k.family == "world"], ids=lambda k: k.name)
def test_nothing_may_be_called_broken_when_the_world_changes(scene: Scene, kind: Fault) -> None:
    case = plant(scene, kind, 6)
    assert case is not None
    assert case.truth.causes == ()
    features = list(scene.source.policy.features)
    if len(case.frame) == len(scene.rows):
        changed = differing(scene.frame()[features], case.frame[features])
        assert changed == ({"origin"} if kind.name == "a new code" else set())
    else:
        assert set(case.frame["row"]) < set(scene.rows)


def test_a_new_code_stands_beside_all_old_ones(scene: Scene) -> None:
    codes = set(planted(scene, "a new code").frame["origin"])
    assert codes == {*scene.frame()["origin"], "novel"}


def test_who_accuses_impossible_values_of_the_stream_itself_is_right(scene: Scene) -> None:
    source = scene.source
    dry = replace(source, name="bikes", rows=source.rows.assign(humidity=0.0))
    odd = replace(scene, life=replace(scene.life, source=dry))
    found = _mark(as_it_is(odd), _diagnosis(Cause.DATA_QUALITY, ("humidity",)), Remedy.QUARANTINE)
    assert not scene.odd
    assert found.right
    assert found.kind != "as it is"


def test_an_oracle_sees_a_flipped_sign_and_no_rows_in_another_order(scene: Scene) -> None:
    assert oracle.sees(planted(scene, "sign flipped", 1))
    usual = as_it_is(scene)
    order = np.random.default_rng(0).permutation(len(usual.frame))
    assert not oracle.sees(replace(usual, frame=usual.frame.iloc[order].reset_index(drop=True)))


def test_rows_that_are_gone_twice_or_again(scene: Scene) -> None:
    usual = scene.frame()
    assert set(planted(scene, "span gone").frame["row"]) < set(usual["row"])
    gone = planted(scene, "segment gone")
    assert touched(usual, gone.frame) == len(usual) - len(gone.frame)
    twice = planted(scene, "rows duplicated").frame
    assert twice[REQUEST].duplicated().sum() == len(twice) - len(usual)
    again = planted(scene, "rows delivered again").frame
    old = again[again["row"] < scene.rows[0]]
    assert len(old) == len(again) - len(usual)
    assert microseconds(old[scene.source.time]).min() >= scene.start


def test_faults_are_drawn_from_the_seed_alone(scene: Scene) -> None:
    one, same, other = (planted(scene, "free factor", seed) for seed in (1, 1, 2))
    assert one.truth == same.truth
    assert one.frame.equals(same.frame)
    assert one.truth != other.truth


def test_harm_is_the_loss_that_the_champion_asked_again_gains(scene: Scene) -> None:
    case = planted(scene, "sign flipped", 1)
    usual, target = scene.frame(), scene.source.target
    before, after = (((f[target] - f[ANSWER]) ** 2).mean() for f in (usual, case.frame))
    assert case.harm == pytest.approx(after / before - 1)
    assert planted(scene, "release backwards").harm > 1
    for name in ("labels missing", "span gone", "segment gone", "rows duplicated"):
        assert abs(planted(scene, name).harm) < 0.05, "the rows that are left lose as much as they did"


def _mark(case: Planted, said: Diagnosis, remedy: Remedy) -> Mark:
    return mark(case, said, remedy, 0.1, counter=False, floor={"temp": 0.0})


def _diagnosis(cause: Cause, columns: tuple[str, ...] = ()) -> Diagnosis:
    return Diagnosis(cause, 0.9, columns=columns)


def test_a_retraining_on_broken_data_is_the_worst_and_no_miss(scene: Scene) -> None:
    case = planted(scene, "sign flipped", 1)
    found = _mark(case, _diagnosis(Cause.CONCEPT_DRIFT), Remedy.RETRAIN)
    assert found.retrained
    assert not found.missed
    assert not found.right
    quiet = _mark(case, _diagnosis(Cause.NONE), Remedy.NONE)
    assert quiet.missed
    assert not quiet.retrained
    right = _mark(case, _diagnosis(Cause.DATA_QUALITY, case.truth.columns[:1]), Remedy.QUARANTINE)
    assert right.strict == (case.truth.segment is None)
    assert right.right


def test_stale_rows_may_be_called_so_without_a_column_and_not_by_one_that_is_fresh(scene: Scene) -> None:
    case = planted(scene, "feed stale")
    for columns, right in (((), True), (("temp",), True), (("hour",), False)):
        assert _mark(case, _diagnosis(Cause.DATA_QUALITY, columns), Remedy.QUARANTINE).strict == right


def test_a_change_of_the_world_is_right_unless_it_is_accused(scene: Scene) -> None:
    case = planted(scene, "concept everywhere")
    for cause in Cause:
        assert _mark(case, _diagnosis(cause), Remedy.NONE).right == (cause not in BROKEN)


def test_the_floor_sees_a_gross_fault_and_no_end_of_the_usual(scene: Scene) -> None:
    history = floor.history(scene)
    usual = floor.scores(as_it_is(scene), history)
    gross = floor.scores(planted(scene, "column missing"), history)
    assert max(gross.values()) == np.inf
    assert max(usual.values()) < np.inf
    assert floor.accused(usual, 1e9, scene.source.target)[0] is Cause.NONE


def test_a_run_judges_each_window_as_it_is_and_prints_every_table(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_ask", lambda *_: _diagnosis(Cause.NONE))
    chosen = run.windows(life, 2, 0)
    marks = list(run.judged(life, chosen, KINDS, 3, 0, ask_oracle=True))
    assert [m.kind for m in marks].count("as it is") == 2 * len(chosen)
    assert len(marks) == (2 + 3) * len(chosen)
    text = report(marks, {"weather": life.source.target}, by_stream=True, curves=True)
    assert "ECE" in text
    assert "by stream" in text
    assert "by size" in text
    assert set(thresholds(marks)) == {"weather"}
    assert json.loads(json.dumps([asdict(m) for m in marks]))[0]["kind"] == "as it is"
    again = list(run.judged(life, chosen, KINDS, 3, 0))
    assert [(m.kind, m.detail, m.harm) for m in again] == [(m.kind, m.detail, m.harm) for m in marks]
