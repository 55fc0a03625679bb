"""What a verdict costs beside reading the data: `python -m tests.benchmarks.detection.speed [--rows N] [--rounds R] [--evidently N]`.

Every contender runs in a process of its own, in turn, so that a busy machine hurts them alike; ratios are of the medians. A
polars scan reads every column of both files and takes each one's maximum.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

_RUN = "import json, resource, sys, time\n"
_END = (
    "\nprint(json.dumps({'wall': time.perf_counter() - wall, 'cpu': time.process_time() - cpu,"
    " 'peak': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))"
)
_CLOCKS = "wall, cpu = time.perf_counter(), time.process_time()\n"
_FIRST = "reference, current = sys.argv[1:3]\n"

POLARS = "pl.scan_parquet(path).select(pl.all().max()).collect()"
CONTENDERS = {
    "polars scan": (
        "import polars as pl\n" + _FIRST,
        f"for path in (reference, current): {POLARS}",
    ),
    "polars scan, current alone": ("import polars as pl\n" + _FIRST, f"for path in (current,): {POLARS}"),
    "modelmedic": (
        "from pathlib import Path\nfrom steps.contracts.detection import Roles\nfrom steps.files import detect_files\n" + _FIRST,
        "detect_files(Path(reference), Path(current), Roles())",
    ),
    "modelmedic, cached reference": (
        "from pathlib import Path\nfrom steps.adapters.profile_reader import open_rows, read_profiles\n"
        "from steps.contracts.detection import Roles, Thresholds\nfrom steps.core.layout_choice import choose_layout\n"
        "from steps.core.profile_document import from_document, to_document\nfrom steps.core.verdict import judge_profiles\n"
        + _FIRST
        + "first = open_rows(Path(reference))\nlayout = choose_layout(first.sample(), Roles(), first.bounds())\n"
        "kept = json.dumps(to_document(read_profiles(layout, first)[0]))\n",
        "before = from_document(json.loads(kept))\n"
        "judge_profiles(before, read_profiles(before.layout, open_rows(Path(current)))[0], Thresholds())",
    ),
    "Evidently DataDriftPreset": (
        "import warnings; warnings.simplefilter('ignore')\nimport pandas as pd\nfrom evidently import Report\n"
        "from evidently.presets import DataDriftPreset\n" + _FIRST,
        "Report([DataDriftPreset()]).run(current_data=pd.read_parquet(current), reference_data=pd.read_parquet(reference)).dict()",
    ),
}
COLD = {
    "polars, cold": "import sys, polars as pl\nfor path in sys.argv[1:3]: " + POLARS,
    "modelmedic detect, cold": "import sys; from workflows.cli import main; main(['detect', *sys.argv[1:3], '--json'])",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--codes", type=int, default=4, help="how many of the 20 columns are codes")
    parser.add_argument("--evidently", type=int, default=100_000, help="rows for Evidently, which needs 2 GB at 1M; 0 leaves it out")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        big = written(folder, asked.rows, asked.codes)
        names = [name for name in CONTENDERS if not name.startswith("Evidently")]
        table(f"{asked.rows:,} rows x 20", measure(names, big, asked.rounds))
        if asked.evidently:
            fits = written(folder, asked.evidently, asked.codes)
            table(f"{asked.evidently:,} rows x 20", measure(["polars scan", "modelmedic", "Evidently DataDriftPreset"], fits, 2))
        small = written(folder, 10_000, asked.codes)
        table("10,000 rows x 20, the whole process", cold(small, asked.rounds))


def written(folder: str, rows: int, codes: int) -> list[str]:
    """Written by a process of its own: a child inherits the peak of its parent's memory."""
    paths = [str(Path(folder) / f"{rows}-{number}.parquet") for number in (1, 2)]
    code = "import sys\nfrom pathlib import Path\nfrom tests.benchmarks.detection.files import write\n" + "".join(
        f"write(Path({path!r}), {rows}, {seed}, codes={codes})\n" for seed, path in enumerate(paths)
    )
    _python(code, [])
    return paths


def measure(names: list[str], files: list[str], rounds: int) -> dict[str, list[dict[str, float]]]:
    """Rounds of all contenders in turn; each run warms its process up with one run that is not counted."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            before, run = CONTENDERS[name]
            code = f"{_RUN}{before}{run}\n{_CLOCKS}{run}{_END}"
            found[name].append(json.loads(_python(code, files).splitlines()[-1]))
    return found


def cold(files: list[str], rounds: int) -> dict[str, list[dict[str, float]]]:
    """Imports and all, as a pod or a shell pays for it."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in COLD}
    for _ in range(rounds):
        for name, code in COLD.items():
            timed = (
                "import json, resource, subprocess, sys, time\nwall = time.perf_counter()\n"
                f"subprocess.run([sys.executable, '-c', {code!r}, *sys.argv[1:]], check=True, stdout=subprocess.DEVNULL)\n"
                "spent = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
                "print(json.dumps({'wall': time.perf_counter() - wall, 'cpu': spent.ru_utime + spent.ru_stime,"
                " 'peak': spent.ru_maxrss / 1024}))"
            )
            found[name].append(json.loads(_python(timed, files)))
    return found


def table(title: str, found: dict[str, list[dict[str, float]]]) -> None:
    first = next(iter(found))
    base = {part: statistics.median(run[part] for run in found[first]) for part in ("wall", "cpu")}
    sys.stdout.write(f"\n{title} (ratios to: {first})\n")
    sys.stdout.write(f"{'':32}{'wall s':>9}{'ratio':>8}{'cpu s':>9}{'ratio':>8}{'peak MB':>9}\n")
    for name, runs in found.items():
        wall, cpu, peak = (statistics.median(run[part] for run in runs) for part in ("wall", "cpu", "peak"))
        sys.stdout.write(f"{name:32}{wall:9.3f}{wall / base['wall']:8.2f}{cpu:9.3f}{cpu / base['cpu']:8.2f}{peak:9.0f}\n")
        sys.stdout.flush()


def _python(code: str, files: list[str]) -> str:
    done = subprocess.run([sys.executable, "-c", code, *files], check=True, capture_output=True, text=True)
    return done.stdout


if __name__ == "__main__":
    main()
