"""A freeze holds from the moment it is laid until it ends or is lifted, and every trail that it
concerns has it.
"""

import json
from datetime import UTC, datetime, timedelta

import pytest

from modelmedic.steps.records.freezes import Freezes
from tests.cli.program import run
from tests.cli.records import Records


@pytest.fixture
def frozen_models(records: Records) -> Records:
    records.opened()
    Records(records.root, "loans").opened()
    return records


def freezes(records: Records) -> Freezes:
    return Freezes(records.store, records.clock)


def events(records: Records, model: str) -> list[str]:
    return [f"{r.event} {r.phase}" for r in Records(records.root, model).trail.records() if r.event.startswith("freeze.")]


def test_one_model_is_frozen_and_thawed(frozen_models: Records) -> None:
    laid = run("freeze", "flights", "--reason", "audit week", "--by", "alice")
    assert laid.stdout == "model flights is frozen by alice until it is lifted (modelmedic freeze --lift): audit week\n"
    assert freezes(frozen_models).frozen("flights") is not None
    assert freezes(frozen_models).frozen("loans") is None
    assert run("freeze", "flights", "--lift", "--by", "bob").stdout.startswith("lifted: model flights is frozen by alice")
    assert freezes(frozen_models).frozen("flights") is None
    assert events(frozen_models, "flights") == ["freeze.ordered outcome", "freeze.lifted intent", "freeze.lifted outcome"]
    assert events(frozen_models, "loans") == []


def test_all_models_are_frozen_those_of_tomorrow_too(frozen_models: Records) -> None:
    assert run("freeze", "--all", "--reason", "holidays").exit_code == 0
    assert freezes(frozen_models).frozen("a model of tomorrow") is not None
    assert events(frozen_models, "flights") == events(frozen_models, "loans") == ["freeze.ordered outcome"]


def test_a_span_counts_from_now_and_a_moment_is_utc(frozen_models: Records) -> None:
    def until(text: str) -> datetime:
        return datetime.fromisoformat(json.loads(run("freeze", "flights", "--until", text, "--json").stdout)["freeze"]["until"])

    assert abs(until("3d") - datetime.now(UTC) - timedelta(days=3)) < timedelta(minutes=1)
    assert until("2999-01-31T18:00:00") == datetime(2999, 1, 31, 18, tzinfo=UTC)
    assert until("2999-01-31T18:00:00+02:00") == datetime(2999, 1, 31, 16, tzinfo=UTC)
    assert freezes(frozen_models).frozen("flights") is not None


@pytest.mark.parametrize(
    ("until", "said"),
    [
        ("nonsense", "--until is 'nonsense'; expected a time such as 2026-01-31T18:00:00Z or a span from now such as 3d"),
        ("", "--until is ''"),
        ("99999999w", "--until is '99999999w'"),
        ("2020-01-01", "a freeze until 2020-01-01T00:00Z has passed already; expected a later time"),
        ("0d", "has passed already"),
    ],
)
def test_an_end_that_makes_no_sense_freezes_nothing(frozen_models: Records, until: str, said: str) -> None:
    ended = run("freeze", "flights", f"--until={until}")
    assert (ended.exit_code, said in ended.stderr) == (65, True)
    assert freezes(frozen_models).frozen("flights") is None


def test_a_misspelt_model_is_not_silently_frozen(frozen_models: Records) -> None:
    ended = run("freeze", "flihgts")
    assert (ended.exit_code, "did you mean flights? (models: flights, loans)" in ended.stderr) == (65, True)
    assert "the models are flights, loans" in run("freeze", "zzz").stderr
    assert freezes(frozen_models).frozen("flihgts") is None


def test_lifting_one_freeze_names_the_other_that_still_holds(frozen_models: Records) -> None:
    run("freeze", "flights", "--by", "alice")
    run("freeze", "--all", "--by", "bob")
    ended = run("freeze", "flights", "--lift")
    assert "still holds: every model is frozen by bob" in ended.stderr
    assert freezes(frozen_models).frozen("flights") is not None


@pytest.mark.usefixtures("frozen_models")
def test_what_is_not_frozen_cannot_be_lifted() -> None:
    for scope in (["flights"], ["--all"]):
        ended = run("freeze", *scope, "--lift")
        assert (ended.exit_code, "is not frozen; nothing to lift" in ended.stderr) == (65, True)


def test_a_dry_run_freezes_and_lifts_nothing(frozen_models: Records) -> None:
    before = sorted(frozen_models.root.rglob("*"))
    assert run("freeze", "flights", "--dry-run").stdout.startswith("would hold: model flights")
    assert sorted(frozen_models.root.rglob("*")) == before
    run("freeze", "flights")
    assert run("freeze", "flights", "--lift", "--dry-run").stdout.startswith("would be lifted: model flights")
    assert freezes(frozen_models).frozen("flights") is not None


@pytest.mark.usefixtures("frozen_models")
def test_the_freezes_that_hold_are_listed() -> None:
    assert "nothing is frozen" in run("freeze").stderr
    run("freeze", "loans", "--by", "alice")
    run("freeze", "--all", "--until", "3d", "--by", "bob")
    assert [line.split(" by ")[0] for line in run("freeze").stdout.splitlines()] == ["every model is frozen", "model loans is frozen"]
    assert [order["model"] for order in json.loads(run("freeze", "--json").stdout)["freezes"]] == [None, "loans"]


def test_a_freeze_holds_even_when_the_trail_does_not_take_it_and_lifting_needs_it(frozen_models: Records) -> None:
    (head,) = (frozen_models.root / "audit").glob("flights-*/head.json")
    good = head.read_bytes()
    head.write_text("{}")
    assert run("freeze", "flights").exit_code == 65
    assert freezes(frozen_models).frozen("flights") is not None
    assert run("freeze", "flights", "--lift").exit_code == 65
    assert freezes(frozen_models).frozen("flights") is not None
    head.write_bytes(good)
    assert run("freeze", "flights", "--lift").exit_code == 0


@pytest.mark.parametrize("arguments", [["flights", "--all"], ["--lift"], ["--until", "3d"], ["flights", "--lift", "--until", "3d"]])
def test_a_freeze_without_a_clear_scope_is_a_usage_error(frozen_models: Records, arguments: list[str]) -> None:
    assert run("freeze", *arguments).exit_code == 2
    assert freezes(frozen_models).frozen("flights") is None
