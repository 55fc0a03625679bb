"""How long a replay takes: the command on a store of so many incidents, beside a bare start.

python -m tests.benchmarks.replay [INCIDENTS]
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from modelmedic.steps.adapters.store.folder import FolderStore
from tests.worlds.past import ACTS, healed, kept, quarantined
from tests.worlds.played import policy


def main(incidents: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        kept(FolderStore(root / "store"), ((healed, quarantined)[number % 2](number, day=4 * number) for number in range(1, incidents + 1)))
        changed = policy(autonomy=ACTS, limits={"healsPerWeek": 1}, rollout={"maxErrorShare": 0.001})
        (root / "policy.yaml").write_text(yaml.safe_dump(changed.model_dump(mode="json", by_alias=True, exclude_unset=True)))
        started = _seconds("--version")
        whole = _seconds("replay", root / "policy.yaml", "--store", root / "store", "--json")
    each = (whole - started) / incidents * 1e3
    sys.stdout.write(f"{incidents} incidents: {whole:.2f} s, a bare start {started:.2f} s, {each:.2f} ms an incident\n")


def _seconds(*arguments: object) -> float:
    begun = time.perf_counter()
    command = [sys.executable, "-m", "modelmedic.workflows.cli", *map(str, arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
