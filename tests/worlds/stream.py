"""A stream of hourly rows as the real ones are: seasons, a calendar in columns, readings on a grid,
neighbouring rows alike, and labels that follow all of it.
"""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from modelmedic.steps.contracts.detection import Roles

ROLES = Roles(target="y", time="at", features=("hour", "month", "temp", "wind", "sky", "row"), categorical=("sky",))
START = datetime(2023, 1, 1, tzinfo=UTC).timestamp()
FORTNIGHT = 14 * 24


def hours(count: int = 40 * 7 * 24, seed: int = 0) -> dict[str, np.ndarray]:
    """The columns of so many hours from the first of January 2023 on."""
    random = np.random.default_rng(seed)
    at = START + 3600.0 * np.arange(count)
    moments = at.astype("datetime64[s]")
    hour = (np.arange(count) % 24).astype(np.float64)
    month = (moments.astype("datetime64[M]").astype(np.int64) % 12 + 1).astype(np.float64)
    year = 2 * np.pi * np.arange(count) / (365.25 * 24)
    weather = np.repeat(random.normal(size=count // 6 + 1), 6)[:count]
    temp = np.round(10 - 12 * np.cos(year) + 4 * np.sin(2 * np.pi * (hour - 9) / 24) + 3 * weather, 1)
    wind = np.round(np.abs(5 - 2 * weather + random.normal(size=count)), 0)
    sky = np.where(weather > 0.4, "clear", np.where(weather > -0.8, "clouds", "rain"))
    y = np.round(np.maximum(200 + 15 * temp - 8 * wind + 80 * np.sin(2 * np.pi * (hour - 6) / 24) + random.normal(size=count) * 20, 0))
    return {
        "at": at,
        "hour": hour,
        "month": month,
        "temp": temp,
        "wind": wind,
        "sky": sky,
        "row": np.arange(count, dtype=np.float64),
        "y": y,
    }


def table(columns: dict[str, np.ndarray], first: int, last: int) -> pa.Table:
    """The rows from the first to before the last."""
    arrays = {name: pa.array(values[first:last].tolist()) for name, values in columns.items()}
    arrays["at"] = pa.array((columns["at"][first:last] * 1e6).astype(np.int64), pa.timestamp("us", "UTC"))
    return pa.table(arrays)
