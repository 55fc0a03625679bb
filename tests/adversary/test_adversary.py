"""A sample of every group's attacks holds, and the run itself cannot be hung, ended or fooled by an
attack.
"""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.adversary.attack import HELD, Attack, Outcome, Result, not_held, skipped
from tests.adversary.groups import about, groups
from tests.adversary.page import PAGE, groups_of, rewritten
from tests.adversary.processes import run_all, run_one
from tests.adversary.table import Tally, document

_QUICK, _LONG = 2, 12  # attacks of each group; `make adversary` tries all


def _sample(group: str, size: int) -> list[Attack]:
    """Attacks spread evenly over all of the group."""
    every = list(groups()[group](0))
    return every[:: max(len(every) // size, 1)][:size]


def _not_held(group: str, size: int) -> list[str]:
    results = run_all(_sample(group, size), jobs=1)
    return [f"{attack.name}: {result.sentence}" for attack, result in results if result.outcome is Outcome.NOT_HELD]


@pytest.mark.parametrize("group", groups())
def test_a_few_attacks_of_each_group_hold(group: str) -> None:
    assert _not_held(group, _QUICK) == []


@pytest.mark.slow
@pytest.mark.parametrize("group", groups())
def test_many_attacks_of_each_group_hold(group: str) -> None:
    assert _not_held(group, _LONG) == []


@pytest.mark.parametrize("group", groups())
def test_attacks_name_their_group_and_are_the_same_for_the_same_seed(group: str) -> None:
    first, second = (list(itertools.islice(groups()[group](7), 50)) for _ in range(2))
    assert [each.name for each in first] == [each.name for each in second]
    assert {each.group for each in first} == {group}


def _raising(_folder: Path) -> Result:
    raise ValueError("two\nlines")


def _leaving(_folder: Path) -> Result:
    sys.exit(3)


def _dying(_folder: Path) -> Result:
    os.kill(os.getpid(), signal.SIGKILL)
    return HELD


def _hanging(folder: Path) -> Result:
    process = subprocess.Popen(["sleep", "600"])
    (folder.parent.parent / f"{folder.parent.name}.pid").write_text(str(process.pid))
    process.wait()
    return HELD


def _eating(_folder: Path) -> Result:
    return not_held(f"it got {len(bytearray(2 << 30))} bytes")


def _holding(folder: Path) -> Result:
    print("an attack's own words")  # noqa: T201
    return HELD if list(folder.iterdir()) == [] else skipped("the folder is not empty")


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (_raising, "ValueError: two lines"),
        (_leaving, "SystemExit: 3"),
        (_dying, "its process was lost with exit code -9"),
        (_eating, "it took more than 1024 MiB of memory"),
        (lambda _: True, "it ended with True; expected a result"),
    ],
)
def test_an_attack_that_ends_its_process_or_raises_did_not_hold(run: object, said: str) -> None:
    result = run_one(Attack("an attack", "frame", run, memory=1 << 30))  # type: ignore[arg-type]
    assert (result.outcome, result.sentence) == (Outcome.NOT_HELD, said)


def test_an_attack_that_hangs_is_ended_with_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    began = time.monotonic()
    assert run_one(Attack("an attack", "frame", _hanging, seconds=1.5)).sentence == "it had not ended after 1.5 s"
    assert time.monotonic() - began < 10
    (pid,) = (int(path.read_text()) for path in tmp_path.glob("*.pid"))
    assert not _runs(pid)
    assert list(tmp_path.glob("adversary-*/")) == []


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_results_are_counted_by_group() -> None:
    tally = Tally()
    runs = {"holds": _holding, "raises": _raising, "skips": lambda _: skipped("no such thing here")}
    for attack, result in run_all([Attack(name, "frame", run) for name, run in runs.items()]):
        tally.add(attack, result)
    assert document(tally) == {
        "groups": [{"group": "frame", "tried": 2, "held": 1, "not_held": 1, "skipped": 1}],
        "not_held": [{"group": "frame", "name": "raises", "sentence": "ValueError: two lines"}],
        "skipped": [{"group": "frame", "name": "skips", "sentence": "no such thing here"}],
    }


def test_the_security_page_has_the_table_of_a_run() -> None:
    page = PAGE.read_text()
    assert groups_of(page)
    assert groups_of(page) <= set(groups())
    row = {"group": "alerts", "tried": 1200, "held": 1199, "not_held": 1, "skipped": 0}
    fault = {"group": "alerts", "name": "body 7", "sentence": "it raised KeyError"}
    found = {"at": "2026-03-01T00:00:00", "seed": 7, "seconds": 9, "groups": [row], "not_held": [fault], "skipped": []}
    changed = rewritten(page, found, about())
    assert groups_of(changed) == {"alerts"}
    assert "| 1,200 | 1,199 | 1 | 0 |" in changed
    assert "- not held: body 7: it raised KeyError" in changed


def test_a_run_in_which_all_hold_prints_its_document_and_ends_with_0() -> None:
    command = [sys.executable, "-m", "tests.adversary", "--only", "alerts", "--most", "1", "--json"]
    ended = subprocess.run(command, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode()
    assert json.loads(ended.stdout)["groups"] == [{"group": "alerts", "tried": 200, "held": 200, "not_held": 0, "skipped": 0}]
