"""The measurement runs; what it says depends on the machine."""

from pathlib import Path

import pytest

from tests.benchmarks.predictor.run import measure


@pytest.mark.benchmark
def test_a_request_is_measured_with_and_without_the_log(tmp_path: Path) -> None:
    bare, logging = measure(tmp_path, str(tmp_path / "store"), requests=100)
    assert 0 < bare.p50_ms <= bare.p99_ms
    assert 0 < logging.p50_ms <= logging.p99_ms
    assert list((tmp_path / "store").rglob("*.parquet"))
