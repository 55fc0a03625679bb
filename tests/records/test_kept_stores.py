"""A store that an earlier version wrote is read by this one: every document, the chain, and what
people ask of it.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from modelmedic.steps.adapters.clocks import PlayedClock, SystemClock
from modelmedic.steps.adapters.store.folder import FolderStore
from modelmedic.steps.contracts.detection import Thresholds, Verdict
from modelmedic.steps.contracts.formats import FORMAT, document_at, parse
from modelmedic.steps.contracts.notification import Notification
from modelmedic.steps.contracts.results import Result
from modelmedic.steps.core.profiles.document import from_document
from modelmedic.steps.data.references import StoredReferences
from modelmedic.steps.effects.lease import Claim
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.freezes import Freezes
from modelmedic.steps.records.history import History
from modelmedic.steps.records.ledger import Ledger
from modelmedic.steps.records.policies import policy_of
from modelmedic.steps.records.verify import verify
from tests.cli.program import run
from tests.worlds.a_heal import AT

KEPT = Path(__file__).parent / "kept"
MODEL = "flights-delay"
HASHED = "flights-delay-28078b80"
STAGES = {"diagnose", "retrain", "validate", "approve-request", "approve", "deploy-release", "deploy", "report", "close"}


@pytest.fixture(params=sorted(folder.name for folder in KEPT.iterdir()))
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    shutil.copytree(KEPT / request.param, tmp_path / "store")
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> FolderStore:
    return FolderStore(root)


@pytest.fixture
def ledger(store: FolderStore) -> Ledger:
    return Ledger(store, PlayedClock(AT))


def test_the_chain_of_records_is_intact(store: FolderStore) -> None:
    check = verify(store, SystemClock(), HASHED, MODEL)
    assert (check.faults, check.broken) == ((), False)
    assert check.records == len(list(AuditTrail(store, MODEL, PlayedClock(AT), "reader").records())) >= 60


def test_the_next_record_follows_the_last_kept_one(store: FolderStore) -> None:
    trail = AuditTrail(store, MODEL, PlayedClock(AT), "reader")
    before = trail.length()
    trail.append("drift.measured")
    assert AuditTrail(store, MODEL, PlayedClock(AT), "reader").length() == before + 1
    assert verify(store, SystemClock(), HASHED, MODEL).faults == ()


def test_every_incident_is_read_with_all_that_was_said_about_it(ledger: Ledger) -> None:
    healed, quarantined, opened = ledger.incidents()
    assert set(ledger.stages(healed)) == STAGES
    assert (ledger.stage(healed, "deploy") or {})["outputs"] == {"outcome": "healed"}
    assert "format" not in (ledger.stage(healed, "deploy") or {})
    assert [(answer.by, answer.approved) for answer in ledger.answers(healed)] == [("bob", True)]
    closing = ledger.closing(healed)
    assert closing is not None
    assert (closing.outcome, closing.effective) == ("healed", True)
    assert {"diagnose", "quarantine", "report", "close"} == set(ledger.stages(quarantined))
    assert ledger.current(MODEL) == opened
    assert [heal.outcome for heal in ledger.past_heals(MODEL)] == ["healed", "quarantined"]


def test_every_stage_of_a_heal_is_read_as_what_it_is(ledger: Ledger) -> None:
    healed, quarantined, _ = ledger.incidents()
    named = {kind.name: kind for kind in _results(Result)}
    for incident in (healed, quarantined):
        for stage in ledger.stages(incident):
            result = ledger.result(incident, named[stage])
            assert result is not None
            assert dict(result.outputs) == (ledger.outputs(incident, stage) or {}), stage


def _results(kind: type[Result]) -> Iterator[type[Result]]:
    for child in kind.__subclasses__():
        if hasattr(child, "name"):
            yield child
        yield from _results(child)


def test_an_incident_keeps_the_policy_that_it_was_opened_under(store: FolderStore, ledger: Ledger) -> None:
    for incident in ledger.incidents():
        assert policy_of(store, incident).hash == incident.policy_hash


def test_what_people_and_heals_laid_down_beside_the_incidents_holds(store: FolderStore) -> None:
    history = History(store, PlayedClock(AT))
    assert {span.reason for span in history.quarantined_spans(MODEL)} >= {"a station was moved"}
    assert {note.reason for note in history.acknowledged(MODEL)} == {"it is summer"}
    assert [release.version for release in history.releases(MODEL)] == ["1", "2"]
    assert [order.reason for order in Freezes(store, PlayedClock(AT)).standing()] == ["the books are closed"]


@pytest.mark.parametrize(
    ("prefix", "read"),
    [
        ("verdicts/", lambda data, key: parse(Verdict, data, key)),
        ("notifications/", lambda data, key: parse(Notification, data, key)),
        ("leases/", lambda data, key: parse(Claim, data, key)),
        ("reference/*/*/profile-", lambda data, key: from_document(parse(dict[str, Any], data, key))),
        ("reference/*/*/thresholds-", lambda data, key: parse(Thresholds, data, key)),
        ("reference/*/first/taught", lambda data, key: parse(dict[str, str], data, key)),
    ],
)
def test_every_document_beside_them_is_read(root: Path, prefix: str, read: Callable[[bytes, str], object]) -> None:
    found = [path for path in root.glob(f"{prefix}**/*.json" if prefix.endswith("/") else f"{prefix}*.json") if path.is_file()]
    assert found
    for path in found:
        assert read(path.read_bytes(), path.relative_to(root).as_posix())


def test_documents_say_their_format_since_formats_are(root: Path, request: pytest.FixtureRequest) -> None:
    for path in root.rglob("*.json"):
        document = document_at(path.relative_to(root).as_posix())
        assert document is not None
        stated = json.loads(path.read_bytes()).get(FORMAT)
        assert stated in ((None, 2) if "first" in request.node.name else range(1, document.newest + 1)), path


def test_the_references_are_read(store: FolderStore) -> None:
    references = StoredReferences(store, MODEL)
    assert {version: references.table(version).num_rows > 100 for version in ("1", "2")} == {"1": True, "2": True}


def test_what_people_ask_of_it_is_answered(root: Path) -> None:
    listed = json.loads(run("incidents", "--json", "--store", str(root)).stdout)["incidents"]
    assert len(listed) == 3
    verified = run("audit", "verify", "--store", str(root))
    assert (verified.exit_code, "intact" in verified.stdout) == (0, True)
    shown = run("audit", "show", "--incident", listed[0]["id"], "--store", str(root))
    assert "incident." in shown.stdout
    told = run("incidents", listed[0]["id"], "--store", str(root))
    assert told.exit_code == 0, told.stderr
