"""The cost of a verdict beside reading the data: `python -m tests.benchmarks.detection.speed
[--rows N …] [--rounds R] [--evidently N]`.

Every contender runs in a process of its own, in turn, so that a busy machine hurts them alike;
ratios are of the medians. A polars scan reads every column of both files and takes each one's
maximum.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
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
_WINDOWS = (
    "import sys, warnings; sys.path.insert(0, '.'); warnings.simplefilter('ignore')\n"
    "import numpy as np, pyarrow as pa, pyarrow.parquet as pq\n"
    "def window(path, seed):\n"
    "    rows, random = pq.read_table(path), np.random.default_rng(seed)\n"
    "    p = 1 / (1 + np.exp(-(rows['x0'].to_numpy() + rows['x1'].to_numpy() - 1)))\n"
    "    return rows.append_column('p', pa.array(p)).append_column('y', pa.array((random.random(len(p)) < p).astype(float)))\n"
    "windows = [window(path, seed) for seed, path in enumerate(sys.argv[1:3])]\n"
)
_CLASSIFIER = (
    _WINDOWS + "from sklearn.ensemble import HistGradientBoostingClassifier\n"
    "from tests.benchmarks.fault_bench.rivals import coded, ranked\n"
)
_RANKED = (
    "frames = [w.drop_columns(['p', 'y']).to_pandas() for w in windows]\n"
    "x, y = coded(frames), np.repeat([0, 1], [len(f) for f in frames])\n"
    "half = np.arange(len(y)) % 2 == 0\n"
    "ranked(HistGradientBoostingClassifier(random_state=0).fit(x[half], y[half]), x[~half]{some}, y[~half]{some})"
)
DIAGNOSES = {
    "classifier, all other rows": (_CLASSIFIER, _RANKED.format(some="")),
    "classifier, 5,000 of them": (_CLASSIFIER, _RANKED.format(some="[::len(y) // 10_000]")),
    "modelmedic diagnosis": (
        _WINDOWS + "from steps.contracts.detection import Roles\nfrom steps.contracts.diagnosis import Context\n"
        "from steps.core.diagnosis import diagnose\n",
        "diagnose(*windows, Roles(target='y', prediction='p'), Context())",
    ),
}
COLD = {
    "polars, cold": "import sys, polars as pl\nfor path in sys.argv[1:3]: " + POLARS,
    "modelmedic detect, cold": "import sys; from workflows.cli import main; main(['detect', *sys.argv[1:3], '--json'])",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000_000, 10_000_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--codes", type=int, default=4, help="how many of the 20 columns are codes")
    parser.add_argument("--evidently", type=int, default=100_000, help="rows for Evidently, which needs 2 GB at 1M; 0 leaves it out")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores at the beginning\n")
        quick = {name: parts for name, parts in CONTENDERS.items() if not name.startswith("Evidently")}
        for rows in asked.rows:
            big = written(folder, rows, asked.codes)
            table(f"{rows:,} rows x 20", measure(quick, big, asked.rounds if rows < 5_000_000 else min(asked.rounds, 3)))
            for path in big:
                Path(path).unlink()
        if asked.evidently:
            fits = written(folder, asked.evidently, asked.codes)
            beside = {name: CONTENDERS[name] for name in ("polars scan", "modelmedic", "Evidently DataDriftPreset")}
            table(f"{asked.evidently:,} rows x 20", measure(beside, fits, 2))
            shap = "with SHAP" if importlib.util.find_spec("shap") else "permuted, for shap is not installed"
            table(f"{asked.evidently:,} rows x 20, why they differ (classifier {shap})", measure(DIAGNOSES, fits, 2))
        small = written(folder, 10_000, asked.codes)
        table("10,000 rows x 20, the whole process", cold(small, asked.rounds))
        sys.stdout.write(f"load {os.getloadavg()[0]:.1f} at the end\n")


def written(folder: str, rows: int, codes: int) -> list[str]:
    """Written by a process of its own: a child inherits the peak of its parent's memory."""
    paths = [str(Path(folder) / f"{rows}-{number}.parquet") for number in (1, 2)]
    code = "import sys\nfrom pathlib import Path\nfrom tests.benchmarks.detection.files import write\n" + "".join(
        f"write(Path({path!r}), {rows}, {seed}, codes={codes})\n" for seed, path in enumerate(paths)
    )
    _python(code, [])
    return paths


def measure(contenders: Mapping[str, tuple[str, str]], files: list[str], rounds: int) -> dict[str, list[dict[str, float]]]:
    """Rounds of all contenders in turn; each run warms its process up with one run that is not
    counted.
    """
    found: dict[str, list[dict[str, float]]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, (before, run) in contenders.items():
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
