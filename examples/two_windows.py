"""Two windows of a synthetic credit model: in the second, income counts the other way round for
customers of the south.

python examples/two_windows.py FOLDER      writes reference.parquet and current.csv there
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

START = 1_767_225_600  # 2026-01-01


def window(rows: int, seed: int, start: int, *, drifted: bool) -> pa.Table:
    """Features, the model's probability and the label; the model is right on average unless
    `drifted`.
    """
    random = np.random.default_rng(seed)
    income, age, debt = (random.normal(size=rows) for _ in range(3))
    region = random.choice(["north", "west", "east", "south"], size=rows, p=[0.4, 0.3, 0.2, 0.1])

    def chance(of_income: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-(-0.5 - of_income * income + 0.8 * debt + 0.3 * age * debt)))

    predicted = chance(np.ones(rows))
    true = chance(np.where((region == "south") & drifted, -1.0, 1.0))
    time = pa.array((start + 300 * np.arange(rows)) * 1_000_000, pa.timestamp("us"))
    defaulted = (random.random(rows) < true).astype(int)
    return pa.table({"time": time, "income": income, "age": age, "debt": debt, "region": region, "risk": predicted, "defaulted": defaulted})


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(window(10_000, 1, START, drifted=False), folder / "reference.parquet")
    pyarrow.csv.write_csv(window(6_000, 2, START + 40 * 86400, drifted=True), folder / "current.csv")
