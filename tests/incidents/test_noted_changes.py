"""The entry point that notes a posted change: of a model of ours, once, as the Sensor passes it."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.entrypoints import run_note_change
from modelmedic.steps.records.change_events import changes
from modelmedic.steps.runtime.run import silent

AT = datetime(2026, 5, 4, 11, tzinfo=UTC)
DAY = Window(AT - timedelta(hours=1), AT + timedelta(hours=1))


@dataclass
class Desk:
    store: MemoryStore = field(default_factory=MemoryStore)

    def fleet(self) -> Mapping[str, Mapping[str, str]]:
        return {"loans": {}}


def noted(desk: Desk, folder: Path, **said: Any) -> str:
    payload = folder / "payload"
    body = {"at": AT.isoformat(), "what": "orders v12", "model": "loans", **said}
    payload.write_bytes(base64.b64encode(json.dumps(body).encode()))
    return run_note_change(cast(Any, desk), {"payload": str(payload)}, silent)["new"]


def test_a_change_that_arrives_twice_is_noted_once(tmp_path: Path) -> None:
    desk = Desk()
    assert [noted(desk, tmp_path), noted(desk, tmp_path)] == ["yes", "no"]
    (event,) = changes(desk.store, "loans", DAY)
    assert (event.what, event.at) == ("orders v12", AT)


def test_a_change_of_all_models_is_found_by_each(tmp_path: Path) -> None:
    desk = Desk()
    noted(desk, tmp_path, model=None, all_models=True)
    assert [each.what for each in changes(desk.store, "loans", DAY)] == ["orders v12"]


@pytest.mark.parametrize("said", [{"model": "flights"}, {"what": " "}, {"what": "a\nb"}, {"link": "javascript:1"}])
def test_a_strange_model_and_texts_that_no_page_should_carry_are_refused(tmp_path: Path, said: dict[str, Any]) -> None:
    desk = Desk()
    with pytest.raises(BadInput):
        noted(desk, tmp_path, **said)
    assert list(desk.store.list("changes/")) == []
