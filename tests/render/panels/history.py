"""What Prometheus would have scraped, as a file that promtool makes blocks of: pages of played
moments, stamped with these.
"""

import urllib.request
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.openmetrics.exposition import floatToGoString
from prometheus_client.parser import text_string_to_metric_families

_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class History:
    """Samples by the name of their metric, each series' in order of time."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = defaultdict(list)

    def scrape(self, families: Iterable[Metric], at: datetime, **target: str) -> None:
        """Keep a page's samples as of `at`. Labels without a value are none, as for Prometheus."""
        for sample in (sample for family in families for sample in family.samples):
            if sample.name.startswith("modelmedic_"):
                self.keep(sample.name, {**target, **sample.labels}, sample.value, at.timestamp())

    def keep(self, name: str, labels: Mapping[str, str], value: float, at: float) -> None:
        told = ",".join(f'{k}="{v.translate(_ESCAPED)}"' for k, v in sorted(labels.items()) if v and k != "__name__")
        self._lines[name].append(f"{name}{{{told}}} {floatToGoString(value)} {at:.0f}")

    def write(self, file: Path) -> Path:
        file.write_text("".join(f"{line}\n" for name in sorted(self._lines) for line in self._lines[name]) + "# EOF\n")
        return file


def page(url: str) -> list[Metric]:
    """The families on the page of a Pushgateway."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:
        return list(text_string_to_metric_families(answer.read().decode()))
