"""The trail is shown as it is, and verified as it was written: any change that was made to it since
is found.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelmedic.steps.adapters.clocks import SystemClock
from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.contracts.keys import audit_key, model_hash
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.verify import verify
from tests.cli.program import run
from tests.cli.records import Records


@pytest.fixture
def written(records: Records) -> Records:
    incident = records.opened()
    records.trail.append("drift.measured", incident=incident.id, facts={"effect": 0.3, "note": "[red]x[/red]\x1b[31m"})
    records.closed(incident)
    Records(records.root, "loans").opened()
    return records


def trail(records: Records) -> Path:
    (folder,) = (records.root / "audit").glob("flights-*")
    return folder


@pytest.mark.usefixtures("written")
def test_the_records_are_shown_oldest_first() -> None:
    lines = run("audit", "show", "flights").stdout.splitlines()
    assert [line.split()[3] for line in lines[1:]] == ["incident.opened", "drift.measured", "incident.closed"]
    assert '"effect": 0.3' in lines[2]
    assert "[red]x[/red]" in lines[2]
    assert "\x1b" not in lines[2]


@pytest.mark.usefixtures("written")
def test_of_several_models_each_record_names_its_own() -> None:
    shown = run("audit", "show").stdout
    assert "model" in shown.splitlines()[0]
    assert shown.count(" flights ") == 3
    assert shown.count(" loans ") == 1


def test_the_records_of_one_incident_and_the_latest_ones(written: Records) -> None:
    run("freeze", "flights", "--by", "alice")

    def shown(*arguments: str) -> list[str]:
        return [record["event"] for record in json.loads(run("audit", "show", *arguments, "--json").stdout)["records"]]

    incident = written.ledger.incidents("flights")[0].id
    assert shown("flights") == ["incident.opened", "drift.measured", "incident.closed", "freeze.ordered"]
    assert shown("--incident", incident) == ["incident.opened", "drift.measured", "incident.closed"]
    assert shown("flights", "--last", "2") == ["incident.closed", "freeze.ordered"]


@pytest.mark.usefixtures("written")
def test_an_intact_trail_is_said_with_how_many_records_were_checked() -> None:
    ended = run("audit", "verify")
    assert (ended.exit_code, ended.stdout) == (0, "flights: intact, 3 records checked\nloans: intact, 1 records checked\n")
    answer = json.loads(run("audit", "verify", "--json").stdout)
    assert (answer["ok"], answer["records"]) == (True, 4)
    assert run("audit", "verify", "loans").stdout == "loans: intact, 1 records checked\n"


def _one_byte(folder: Path) -> None:
    path = folder / "00000002.json"
    path.write_bytes(path.read_bytes().replace(b"0.3", b"0.4"))


def _rewritten_head(folder: Path) -> None:
    (folder / "head.json").write_text("{}")


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (_one_byte, "record 2 was changed after it was written"),
        (lambda folder: (folder / "00000002.json").unlink(), "record 2 is missing"),
        (lambda folder: (folder / "00000003.json").unlink(), "its end was dropped"),
        (lambda folder: (folder / "00000001.json").write_text("{}"), "record 1 cannot be read"),
        (lambda folder: shutil.copy(folder / "00000002.json", folder / "00000004.json"), "record 4 calls itself 2"),
        (lambda folder: (folder / "note.json").write_text("{}"), "is no record of this trail"),
        (_rewritten_head, "head.json cannot be read"),
        (shutil.rmtree, "there are closed incidents and no records; the trail was dropped"),
    ],
)
def test_a_trail_that_was_tampered_with_is_found_and_the_others_are_still_checked(
    written: Records, tamper: Callable[[Path], object], said: str
) -> None:
    tamper(trail(written))
    ended = run("audit", "verify")
    assert ended.exit_code == 77
    assert "flights: BROKEN" in ended.stdout
    assert said in ended.stdout
    assert "loans: intact, 1 records checked" in ended.stdout
    assert json.loads(run("audit", "verify", "--json").stdout)["ok"] is False
    assert run("audit", "verify", "loans").exit_code == 0


def test_a_trail_of_which_nothing_can_be_read_is_broken(written: Records) -> None:
    for path in (*trail(written).iterdir(), *(written.root / "incidents").glob("flights-*/*/opened.json")):
        path.write_text("{}")
    ended = run("audit", "verify")
    assert ended.exit_code == 77
    assert "flights: BROKEN, 3 records checked" in ended.stdout


def test_what_a_crash_leaves_behind_is_harmless(written: Records) -> None:
    head = (trail(written) / "head.json").read_bytes()
    written.trail.append("drift.measured")
    (trail(written) / "head.json").write_bytes(head)
    ended = run("audit", "verify", "flights")
    assert (ended.exit_code, "(harmless)" in ended.stdout) == (0, True)


class Busy(MemoryStore):
    """Another writer appends a record after the second listing of the trail, which is the one that
    is verified.
    """

    def __init__(self) -> None:
        super().__init__()
        self.writer: AuditTrail | None = None
        self.listings = 0

    def list(self, prefix: str, *, after: str = "") -> Iterator[str]:
        found = tuple(super().list(prefix, after=after))
        self.listings += prefix == audit_key(model_hash("flights"))
        if self.writer is not None and self.listings == 2:
            self.writer.append("drift.measured")
        return iter(found)


def test_a_record_that_is_written_meanwhile_is_no_fault() -> None:
    store = Busy()
    trail = AuditTrail(store, "flights", SystemClock(), "monitor")
    trail.append("drift.measured")
    store.writer = trail
    check = verify(store, SystemClock(), model_hash("flights"), "flights")
    assert (check.broken, check.records, store.listings) == (False, 2, 4)


@pytest.mark.usefixtures("written")
def test_a_model_without_a_trail_is_said_so() -> None:
    for command in ("show", "verify"):
        ended = run("audit", command, "flihgts")
        assert (ended.exit_code, "did you mean flights?" in ended.stderr) == (65, True)


def test_a_wrong_word_after_audit_is_answered_with_the_nearest() -> None:
    assert "did you mean verify?" in run("audit", "verfy").stderr
