"""A small life of a flight-delay model by the real loop, whose store is kept for later versions to
read: `python -m tests.records.life FOLDER`.

It leaves one heal that a person approved, one incident that quarantined broken data, one that is
still open, and what people lay down beside the incidents. Rows, models and pages stay behind.
"""

import shutil
import sys
from datetime import timedelta
from pathlib import Path

from modelmedic.examples.flights.traffic import FlightTraffic
from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.adapters.local_serving.serving import LocalServing
from modelmedic.steps.approval.answers import give
from modelmedic.steps.bootstrap.in_process import bootstrap
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.detection.monitor import monitor
from modelmedic.steps.heal.engine import heal
from modelmedic.steps.incidents.opening import open_by_hand
from modelmedic.steps.reconcile.sweep import sweep
from modelmedic.steps.runtime.run import Site
from modelmedic.steps.runtime.workspace import Workspace
from tests.worlds.a_heal import AT, FLIGHTS, JANUARY, JUNE, MARCH, rules, say

_LEFT_BEHIND = ("inference-log", "labels", "models", "reports", "snapshots", "probe", ".store")
DAY = timedelta(days=1)


def careful() -> Policy:
    plain = rules().model_dump(mode="json", by_alias=True)
    stated = {
        "autonomy": {**plain["autonomy"], "retrain": "approve", "quarantine": "act"},
        "approval": {**plain["approval"], "approvers": ["alice", "bob"]},
        "rules": [rule for rule in plain["rules"] if rule["cause"] != "data_quality"],
    }
    return Policy.model_validate({**plain, **stated})


def live(folder: Path) -> None:
    clock = PlayedClock(AT)
    site = Workspace(folder, {"MODELMEDIC_ACTOR": "alice@laptop"}).site(careful(), clock=clock, say=say, terminal=False)
    serving = site.serving
    assert isinstance(serving, LocalServing)
    try:
        _live(site, clock, serving)
    finally:
        serving.stop()


def _live(site: Site, clock: PlayedClock, serving: LocalServing) -> None:
    bootstrap(site, FLIGHTS.between(Window(JANUARY, MARCH)))
    traffic = FlightTraffic(site, FLIGHTS, serving.url)
    traffic.play(JUNE - 40 * DAY, AT)
    serving.flush()
    for days in (14, 7, 0):
        monitor(site, AT - days * DAY)
    site.freezes.freeze(site.model, by="alice", reason="a holiday", until=AT + DAY)
    site.freezes.lift(site.model, by="alice", reason="back again")
    clock.meanwhile = traffic.play
    run = open_by_hand(site)
    say(f"waits at {heal(run).waiting_at}")
    give(site.store, clock, run.incident.id, approved=True, by="bob", reason="the gates hold")
    say(str(heal(run).outcome))
    window = Window(AT - 5 * DAY, AT - 4 * DAY)
    site.history.quarantine(site.model, window, columns=("temp",), reason="a station was moved", incident=run.incident.id)
    note = {"model_version": "2", "columns": ("temp",), "reason": "it is summer", "until": AT + 400 * DAY}
    site.history.acknowledge(site.model, **note, incident=run.incident.id)  # type: ignore[arg-type]
    clock.meanwhile = lambda _start, _end: None
    serving.flush()
    monitor(site)
    sweep(site)
    second = open_by_hand(site)
    say(str(heal(second).outcome))
    site.ledger.open_incident(site.model, site.policy.hash, window, "LossRisen", {"severity": "warning"})
    healed = site.ledger.incidents(site.model)[0]
    site.ledger.assess(healed, True, "on 900 labelled rows since, version 2 loses less than version 1 would have lost")
    site.freezes.freeze(None, by="alice", reason="the books are closed")


def keep(folder: Path, kept: Path) -> None:
    """Copy the store of `folder` to `kept`, without what people and the loop can make again."""

    def left_behind(at: str, names: list[str]) -> list[str]:
        model = Path(at).parent.parent.name == "candidates"
        return [name for name in names if name in _LEFT_BEHIND or (model and not name.endswith(".json"))]

    shutil.copytree(folder / "store", kept, ignore=left_behind)


if __name__ == "__main__":
    live(Path(sys.argv[1]))
    keep(Path(sys.argv[1]), Path(sys.argv[2]))
