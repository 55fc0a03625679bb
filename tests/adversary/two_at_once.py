"""Several processes at once for one incident, one model or one answer: one of them does the work,
the others say who does it, and whatever they are killed at, the next one goes on.
"""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from modelmedic.steps.adapters.local_serving.serving import LocalServing
from modelmedic.steps.adapters.models.files import digest, pull, push
from modelmedic.steps.adapters.store.folder import FolderStore
from modelmedic.steps.bootstrap.in_process import bootstrap
from modelmedic.steps.contracts.errors import ModelmedicError, Transient
from modelmedic.steps.contracts.keys import incident_id
from modelmedic.steps.heal.engine import heal
from modelmedic.steps.incidents.opening import open_by_hand
from modelmedic.steps.rollout.undo import undo
from modelmedic.steps.runtime.alone import alone
from modelmedic.steps.runtime.run import Run
from tests.adversary.attack import HELD, Attack, Result, not_held
from tests.cli.records import NOW, Records
from tests.worlds import training
from tests.worlds.deployed import DeployedWorld

_GROUP = "two_at_once"
_FORK = multiprocessing.get_context("fork")
_BUSY = 75


def attacks(seed: int) -> Iterator[Attack]:
    rng = random.Random(seed)
    for number in range(20):
        yield Attack(f"six processes for one lock, two of them killed: {number}", _GROUP, partial(_contended, rng.random()))
    for name in _CALLS:
        yield Attack(f"a second {name} while the first one is at it", _GROUP, partial(_second, name))
    for number in range(4):
        yield Attack(f"four answers of one person at once: {number}", _GROUP, _four_answers)
    for number in range(4):
        yield Attack(f"four processes fetch one model: {number}", _GROUP, _four_fetch, tries=40)
    yield Attack("a lock file with somebody's text in it", _GROUP, _odd_lock_files, tries=4)
    yield Attack("four heals of one incident by the real parts", _GROUP, _four_heals, seconds=900)


def _contended(chance: float, folder: Path) -> Result:
    """Never two inside at once; after a kill the next one gets in."""
    rng = random.Random(chance)
    workers = [_FORK.Process(target=_enter, args=(folder, number, rng.random())) for number in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers[:2]:
        time.sleep(rng.random() / 10)
        worker.kill()
    for worker in workers:
        worker.join(20)
    if any(worker.exitcode not in (0, -signal.SIGKILL) for worker in workers):
        return not_held(f"exit codes {[worker.exitcode for worker in workers]}")
    done = len(list(folder.glob("done-*")))
    return HELD if done >= 4 else not_held(f"{done} of at least 4 got in")


def _enter(folder: Path, number: int, pause: float) -> None:
    until = time.monotonic() + 15
    while time.monotonic() < until:
        try:
            with alone(folder / "locks" / "one.lock", "incident a", "healed", "ann", NOW):
                if any(_lives(other) for other in folder.glob("inside-*")):
                    sys.exit(4)
                mark = folder / f"inside-{os.getpid()}"
                mark.touch()
                time.sleep(pause / 20)
                mark.unlink()
                (folder / f"done-{number}").touch()
                return
        except Transient:
            time.sleep(0.005)
    sys.exit(3)


def _lives(mark: Path) -> bool:
    """False for one that was killed inside, also while nobody has waited for it yet."""
    try:
        return "State:\tZ" not in Path(f"/proc/{mark.name.rpartition('-')[2]}/status").read_text()
    except OSError:
        return False


def _heals(folder: Path) -> Callable[[], object]:
    run = DeployedWorld(folder).again()
    return lambda: heal(run)


def _undoes(folder: Path) -> Callable[[], object]:
    run = DeployedWorld(folder).again()
    return lambda: undo(run, by="ann")


def _bootstraps(folder: Path) -> Callable[[], object]:
    rules = training.policy()
    table = training.rows(training.START, training.START, rules)
    at = training.site(folder, rules, table)
    return lambda: bootstrap(at, table)


_CALLS: dict[str, Callable[[Path], Callable[[], object]]] = {"heal": _heals, "undo": _undoes, "bootstrap": _bootstraps}


def _second(name: str, folder: Path) -> Result:
    """It names the first one, ends with 75, and writes nothing."""
    call = _CALLS[name](folder)
    lock = "bootstrap" if name == "bootstrap" else incident_id("churn", 1)
    before = sorted(path for path in folder.rglob("*") if "locks" not in path.parts)
    with alone(folder / "locks" / f"{lock}.lock", "it", "healed", "ann@laptop:17", NOW):
        try:
            call()
        except ModelmedicError as error:
            if error.exit_code != _BUSY or "ann@laptop:17" not in str(error):
                return not_held(f"it ends with {error.exit_code}: {error}")
        else:
            return not_held("it went on beside the first one")
    after = sorted(path for path in folder.rglob("*") if "locks" not in path.parts)
    return HELD if before == after else not_held("it wrote something")


def _four_answers(folder: Path) -> Result:
    """One answer is kept, and each process says so or says who is at it."""
    records = Records(folder / "store")
    incident = records.validated()
    records.asked(incident)
    command = [sys.executable, "-m", "modelmedic.workflows.cli", "approve", incident.id, "--by", "ann", "--home", str(folder)]
    environment = {**os.environ, "MODELMEDIC_STORE": str(folder / "store")}
    ended = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(4)]
    codes = Counter(each.wait() for each in ended if each.communicate())
    answers = records.ledger.answers(incident)
    if set(codes) - {0, _BUSY} or not codes[0]:
        return not_held(f"exit codes {dict(codes)}")
    return HELD if len(answers) == 1 and not records.trail.verify() else not_held(f"{len(answers)} answers of one person")


def _four_fetch(folder: Path) -> Result:
    """Whoever has fetched a model may read it, while others fetch the same."""
    model, store = folder / "model", FolderStore(folder / "store")
    model.mkdir()
    for number in range(5):
        (model / f"part{number}").write_bytes(os.urandom(20_000))
    found = push(store, "models/1", model)
    workers = [_FORK.Process(target=_fetch, args=(folder, found)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(40)
    codes = [worker.exitcode for worker in workers]
    return HELD if codes == [0] * 4 else not_held(f"exit codes {codes}")


def _fetch(folder: Path, expected: str) -> None:
    store = FolderStore(folder / "store")
    for number in range(10):
        to = pull(store, "models/1", folder / "work" / str(number), expected)
        if digest(to) != expected:
            sys.exit(3)


def _odd_lock_files(folder: Path) -> Result:
    """Whatever lies in the file, the holder's name is one printable line."""
    for number, text in enumerate((b"\xff\xfe", b"a" * 1_000_000, b"\x1b[31m\n\n", b"")):
        file = folder / f"{number}.lock"
        file.write_bytes(text)
        with alone(file, "incident a", "healed", "ann", NOW):
            file.write_bytes(text)
            try:
                with alone(file, "incident a", "healed", "bob", NOW):
                    return not_held("two were inside")
            except Transient as error:
                if not str(error).isprintable() or len(str(error)) > 500:
                    return not_held(f"it says {str(error)[:200]!r}")
    return HELD


def _four_heals(folder: Path) -> Result:
    """One heals, three end with 75, and what the winner registered serves."""
    _real(folder, "prepare").wait()
    try:
        codes = Counter(each.wait() for each in [_real(folder, "heal") for _ in range(4)])
        return HELD if codes == {0: 1, _BUSY: 3} and _agrees(folder) else not_held(f"exit codes {dict(codes)}, agreed: {_agrees(folder)}")
    finally:
        _real(folder, "stop").wait()


def _real(folder: Path, part: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tests.adversary.two_at_once", part, str(folder)])


def _agrees(folder: Path) -> bool:
    from tests.worlds.a_heal import site

    place = site(folder)[0]
    served, incident = place.serving.state().champion, place.ledger.incidents(place.model)[-1]
    closing = place.ledger.closing(incident)
    versions = [version.version for version in place.registry.versions()]
    healed = closing is not None and not closing.by_error and versions == ["1", "2"]
    return healed and served is not None and served.version == place.registry.alias("champion") == "2" and not place.trail.verify()


def _part(part: str, folder: Path) -> None:
    from datetime import timedelta

    from modelmedic.examples.flights.traffic import FlightTraffic
    from modelmedic.steps.contracts.window import Window
    from tests.worlds.a_heal import AT, FLIGHTS, JANUARY, JUNE, MARCH, site

    place, clock = site(folder)
    serving = place.serving
    assert isinstance(serving, LocalServing)
    if part == "stop":
        serving.stop()
    elif part == "prepare":
        bootstrap(place, FLIGHTS.between(Window(JANUARY, MARCH)))
        FlightTraffic(place, FLIGHTS, serving.url).play(JUNE - timedelta(days=40), AT)
        serving.flush()
        open_by_hand(place)
    else:
        clock.meanwhile = FlightTraffic(place, FLIGHTS, serving.url).play
        try:
            heal(Run(place, place.ledger.incidents(place.model)[-1]))
        except ModelmedicError as error:
            sys.exit(error.exit_code)


if __name__ == "__main__":
    _part(sys.argv[1], Path(sys.argv[2]))
