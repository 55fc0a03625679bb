"""The ageing of a model is told, given as data and drawn from its records."""

import json
from datetime import timedelta
from pathlib import Path

from modelmedic.steps.contracts.ageing import AgeingLook
from modelmedic.steps.contracts.comparison import Comparison, LossBlock, VersionPair
from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.keys import ageing_key, comparison_key
from modelmedic.steps.records.documents import keep
from modelmedic.steps.records.history import History
from tests.cli.program import run
from tests.cli.records import NOW, Records
from tests.reporting.page import Seen, harmless

DAY = timedelta(days=1)


def aged(records: Records) -> None:
    """Five weekly looks; a new version serves since the third, and its comparison has two days."""
    for weeks, paid in ((5, 40.0), (4, 110.0), (3, 5.0), (2, 20.0), (1, 35.0)):
        at = NOW - 7 * weeks * DAY
        look = AgeingLook(at, records.model, "1", paid > 100, "sentence", paid=paid, price=100.0, ageing=0.3, error=0.1, interval=26.0)
        keep(records.store, ageing_key(records.model, at), look)
    released = NOW - 20 * DAY
    History(records.store, records.clock).record_release(records.model, Release(released, "2", "1"))
    days = tuple(LossBlock(released + n * DAY, 10, 0.4, 0.5) for n in range(2))
    pair = VersionPair("1", since=days)
    made = Comparison(records.model, "2", NOW, released, "1", pairs=(pair,))
    keep(records.store, comparison_key(records.model, "2", NOW), made)


def test_what_age_cost_and_a_training_won_is_told(records: Records, tmp_path: Path) -> None:
    records.opened()
    aged(records)
    page = tmp_path / "ageing.html"
    told = run("ageing", records.model, "--report", page)
    assert "won 40" in told.stdout  # 20 % less loss on two days
    assert "a training pays every 26 days" in told.stdout.replace("\n", " ")
    seen = Seen(page.read_text())
    harmless(seen)
    assert "What each training won" in seen.words
    assert not seen.open


def test_program_gets_the_curve_as_data(records: Records) -> None:
    records.opened()
    aged(records)
    curve = json.loads(run("ageing", records.model, "--json").stdout)["curve"]
    assert [each["paid"] for each in curve["points"]] == [40.0, 110.0, 5.0, 20.0, 35.0]
    assert (curve["trainings"][0]["before"], curve["trainings"][0]["after"]) == (0.5, 0.4)


def test_model_that_nobody_measured_is_one_sentence(records: Records) -> None:
    records.opened()
    ended = run("ageing", records.model)
    assert ended.exit_code == 65
    assert "was not measured twice yet" in ended.stderr
    assert run("ageing", "flihgts").exit_code == 65
