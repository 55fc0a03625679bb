"""`python -m tests.benchmarks.predictor [STORE]`: a table; the store is a folder, file:///… or
s3://bucket/prefix.
"""

import sys
import tempfile
from pathlib import Path

from tests.benchmarks.predictor.run import measure

with tempfile.TemporaryDirectory() as folder:
    store = sys.argv[1] if len(sys.argv) > 1 else f"{folder}/store"
    lines = [f"{'300 rows x 9 columns':22} {'start s':>8} {'p50 ms':>8} {'p99 ms':>8} {'cpu ms':>8}"]
    lines += [
        f"{row.name:22} {row.start_s:8.1f} {row.p50_ms:8.1f} {row.p99_ms:8.1f} {row.cpu_ms:8.1f}" for row in measure(Path(folder), store)
    ]
    sys.stdout.write("\n".join(lines) + "\n")
