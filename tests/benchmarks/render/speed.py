"""The time of rendering, beside plain Hera: `python -m tests.benchmarks.render.speed [COUNT…]`.

Ours is a cold process from policy files to the whole tree on disk. Plain Hera builds and writes
only the three workflows of each model (heal, bootstrap, monitor) with `to_yaml`, in a process that
has Hera imported already: no reading, no files, no other object.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from modelmedic.steps.contracts.policy import Policy
from tests.render.policies import SMALL

COUNTS = (1, 100, 1000)
HERA_AT_MOST = 100  # plain Hera is measured on so many, and scaled


def document(number: int) -> dict[str, Any]:
    """Real differences: names, modes, windows, deadlines, columns."""
    return SMALL | {
        "metadata": {"name": f"model-{number}", "owner": f"team-{number % 7}", "description": f"Model number {number}"},
        "serving": {
            "inferenceService": f"service-{number}",
            "mode": "Knative" if number % 3 == 0 else "Standard",
            "namespace": f"ns-{number % 5}",
        },
        "data": {**SMALL["data"], "numeric": [f"column_{each}" for each in range(3 + number % 9)]},
        "detect": {"window": f"{1 + number % 30}d"},
        "approval": {"timeout": f"{1 + number % 48}h"},
        "retrain": {"timeout": f"{1 + number % 12}h"},
    }


def ours(count: int, folder: Path) -> float:
    """Seconds of `modelmedic render`, process start included."""
    for number in range(count):
        (folder / f"{number}.yaml").write_text(yaml.dump(document(number), Dumper=yaml.CSafeDumper))
    files = sorted(map(str, folder.glob("*.yaml")))
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "modelmedic.workflows.cli", "render", *files, "--out", str(folder / "out")], check=True, capture_output=True
    )
    return time.perf_counter() - start


def plain_hera(count: int) -> float:
    """Seconds for the workflows of `count` models, scaled from at most HERA_AT_MOST of them."""
    from modelmedic.workflows.argo import bootstrap, cron, heal
    from modelmedic.workflows.inputs.model import model_of
    from modelmedic.workflows.inputs.platform import Platform

    platform = Platform()
    measured = min(count, HERA_AT_MOST)
    models = [model_of(Policy.model_validate(document(number)), platform) for number in range(measured)]
    start = time.perf_counter()
    for model in models:
        for build in (heal.heal, bootstrap.bootstrap, cron.monitor):
            yaml.dump(build(model, platform), sort_keys=False)  # what Hera's to_yaml does with what it has built
    return (time.perf_counter() - start) * count / measured


def table(counts: tuple[int, ...] = COUNTS) -> str:
    lines = [f"{'policies':>8}  {'modelmedic render, cold':>24}  {'plain Hera, three workflows':>28}"]
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            lines.append(f"{count:>8}  {ours(count, Path(folder)):>22.2f} s  {plain_hera(count):>26.2f} s")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(tuple(map(int, sys.argv[1:])) or COUNTS))  # noqa: T201 - its result
