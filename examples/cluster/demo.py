"""`make cluster-demo`: the quickstart on your cluster, a champion, weeks of traffic in seconds, a
real alert, and one heal to watch.

Each step says what happens and where to look. The demo ends with the heal's outcome, and takes
everything off the cluster again unless `--keep` is given.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from modelmedic.examples.cluster import runs
from modelmedic.examples.cluster.install import install, render_tree, settings, uninstall
from modelmedic.examples.cluster.kubectl import Cluster, NoCluster, find_cluster, wait_until
from modelmedic.examples.cluster.world import TODAY, Passengers, World, flight_policy, logged, object_store, put_bootstrap_rows, put_labels
from modelmedic.examples.flights.stream import Flights
from modelmedic.steps.adapters.clocks import SystemClock
from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.keys import model_hash, report_key
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.records.ledger import Ledger

_LIVE = timedelta(days=2)
_ALERT, _HEAL = 180, 400  # seconds
Say = Callable[[str], None]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m modelmedic.examples.cluster.demo", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--keep", action="store_true", help="leave everything on the cluster, to look around")
    parser.add_argument("--out", type=Path, default=Path("cluster-demo-output"), help="where the incident report goes")
    asked = parser.parse_args()
    say = _clocked()
    try:
        cluster = find_cluster()
    except NoCluster as reason:
        say(str(reason))
        return 78
    policy = flight_policy()
    platform, images = settings()
    with tempfile.TemporaryDirectory() as place:
        folder = render_tree([policy], platform, images, Path(place) / "tree")
        try:
            install(cluster, folder, say)
            with object_store(cluster) as store:
                return _play(cluster, policy, store, asked.out, say)
        finally:
            if asked.keep:
                say(f"left on the cluster in namespace {cluster.namespace}; `make cluster-demo-clean` takes it away")
            else:
                uninstall(cluster, folder, say)


def _play(cluster: Cluster, policy: Policy, store: ObjectStore, out: Path, say: Say) -> int:
    world = World(Flights(), datetime.now(UTC).replace(minute=0, second=0, microsecond=0))
    say("bootstrap: January and February 2013 train the first champion (train, register and serve are a pod each)")
    put_bootstrap_rows(store, policy, world)
    runs.succeed(cluster, runs.start(cluster, f"bootstrap-{policy.name}"), _HEAL, say)
    passengers = Passengers(policy, cluster.gateway)
    say("traffic: predictions for eight weeks of flights are requested through the gateway, and their labels arrive")
    rows = world.between(TODAY - timedelta(days=60), TODAY - _LIVE)
    put_labels(store, policy, passengers.ask(rows))
    wait_until(lambda: True if logged(store, policy) >= rows.num_rows else None, 60, f"{rows.num_rows} rows in the inference log")
    say(f"{passengers.requests} requests, {len(passengers.failures)} failed; from now on five flights a second are requested")
    stop = threading.Event()
    asker = threading.Thread(target=passengers.keep_asking, args=(world.between(TODAY - _LIVE, TODAY), stop.is_set), daemon=True)
    asker.start()
    try:
        closing = _healed(cluster, policy, store, say)
    finally:
        stop.set()
        asker.join(30)
        passengers.close()
    incident = Ledger(store, SystemClock()).incidents(policy.name)[-1]
    out.mkdir(parents=True, exist_ok=True)
    page = out / "incident.html"
    page.write_bytes(store.get(report_key(model_hash(policy.name), incident.epoch, "incident.html")).data)
    say(f"{closing.outcome.value}: {closing.sentence}")
    say(f"champion {closing.champion_before} → {closing.champion_after}; {passengers.requests} requests, {len(passengers.failures)} failed")
    say(f"the incident report: {page} (in the Argo UI: workflow heal-{incident.id}, node close, artifact incident)")
    return 0 if not passengers.failures else 1


def _healed(cluster: Cluster, policy: Policy, store: ObjectStore, say: Say) -> Closing:
    say("monitor: one run of its CronWorkflow, now (`argo list -n modelmedic`, or the UI)")
    runs.succeed(cluster, runs.monitor(cluster, policy.name), 120, say)
    ledger = Ledger(store, SystemClock())
    incident = ledger.current(policy.name)
    if incident is None:
        raise RuntimeError("the monitor found nothing; expected the concept drift of the summer")
    say(f"incident {incident.id}: {incident.facts.get('sentence', '')}")
    say("Prometheus: the alert is pending, then fires; Alertmanager posts it, the Sensor starts triage, triage the heal")
    name = f"heal-{incident.id}"
    wait_until(lambda: cluster.get("workflow", name), _ALERT, f"the heal {name}", 2)
    watched = threading.Event()
    watcher = threading.Thread(target=_watch, args=(cluster, policy, watched, say), daemon=True)
    watcher.start()
    try:
        runs.succeed(cluster, name, _HEAL, say)
    finally:
        watched.set()
        watcher.join(10)
    closing = ledger.closing(incident)
    assert closing is not None
    return closing


def _watch(cluster: Cluster, policy: Policy, stop: threading.Event, say: Say) -> None:
    """Say the canary's share whenever it changes."""
    last = ""
    while not stop.wait(1):
        service = cluster.get("inferenceservice", policy.serving.inferenceService) or {"spec": {}}
        canaries = service["spec"].get("canary") or []
        share = f"canary at {canaries[0].get('trafficPercent', 0)} %" if canaries else "no canary"
        now = f"KServe: {share}"
        if now != last:
            say(now)
            last = now


def _clocked() -> Say:
    began = time.monotonic()

    def say(sentence: str) -> None:
        sys.stdout.write(f"{time.monotonic() - began:6.0f} s  {sentence}\n")
        sys.stdout.flush()

    return say


if __name__ == "__main__":
    sys.exit(main())
