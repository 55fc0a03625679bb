"""`make bench` shows the table; a run at the smallest size holds that the benchmark itself
works.
"""

from pathlib import Path

import pytest

from tests.benchmarks.render.speed import ours, plain_hera, table


@pytest.mark.benchmark
def test_show_the_times_beside_plain_hera(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n{table()}")  # noqa: T201 - its result


def test_the_benchmark_renders_what_it_claims_to(tmp_path: Path) -> None:
    assert ours(2, tmp_path) > 0
    assert len(list((tmp_path / "out").rglob("heal.yaml"))) == 2
    assert plain_hera(1) > 0
