"""kill -9 of a heal at any moment: the next run goes on, nothing is done twice, and registry,
serving and records agree.
"""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelmedic.steps.adapters.local_serving.serving import LocalServing
from modelmedic.steps.contracts.audit import Phase
from tests.worlds.a_heal import site

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    serving = site(tmp_path)[0].serving
    assert isinstance(serving, LocalServing)
    serving.stop()
    shutil.rmtree(tmp_path)


def healing(folder: Path, until: str | None = None) -> str:
    """Run the heal; killed as soon as it says `until`. What it said last."""
    said = ""
    with subprocess.Popen([sys.executable, "-m", "tests.worlds.a_heal", str(folder)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said = line.strip() or said
            if until is not None and until in line:
                process.send_signal(signal.SIGKILL)
                break
    return said


@pytest.mark.parametrize(
    "moment", ["training a challenger", "at 50 %", "serves all traffic"], ids=["training", "before the alias", "closing"]
)
def test_the_next_run_finishes_what_a_killed_one_began(folder: Path, moment: str) -> None:
    assert moment in healing(folder, until=moment)
    assert healing(folder) == "healed"
    place, _ = site(folder)
    champion = place.serving.state().champion
    assert champion is not None
    assert champion.version == place.registry.alias("champion") == "2"
    assert place.serving.state().canary is None
    assert [version.version for version in place.registry.versions()] == ["1", "2"]
    assert place.trail.verify() == []
    outcomes = [record.key for record in place.trail.records() if record.phase is Phase.OUTCOME]
    assert len(outcomes) == len(set(outcomes)), "an effect happened twice"
