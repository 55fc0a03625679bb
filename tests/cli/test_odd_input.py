"""Nobody's fault but the input's: one sentence, the documented exit code, no traceback."""

import errno
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from modelmedic.steps.contracts.errors import BadInput, ModelmedicError, Transient
from modelmedic.steps.heal.steps import call
from modelmedic.steps.runtime.explained import explained
from modelmedic.workflows.cli import main
from tests.adversary.tables import table


def _caught(wrong: object) -> Exception:
    try:
        wrong()  # type: ignore[operator]
    except Exception as error:
        return error
    raise AssertionError("expected an exception")


@pytest.mark.parametrize(
    ("wrong", "kind", "words"),
    [
        (lambda: Path("/nowhere/file").read_text(), BadInput, "'/nowhere/file' cannot be used: no such file or directory"),
        (lambda: (_ for _ in ()).throw(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/full")), Transient, "No space left"),
        (lambda: b"\xff".decode(), BadInput, "no UTF-8"),
        (lambda: pa.array(["x"]).cast(pa.int64()), BadInput, "data holds what cannot be worked with"),
        (lambda: bytearray(1 << 62), Transient, "not enough memory"),
    ],
)
def test_what_is_not_this_programs_fault_is_a_sentence(wrong: object, kind: type[ModelmedicError], words: str) -> None:
    found = explained(_caught(wrong))
    assert type(found) is kind
    assert words in str(found)
    assert "\n" not in str(found)


@pytest.mark.parametrize("bug", [KeyError("x"), TypeError("x"), ValueError("x"), AssertionError(), AttributeError("x"), OSError("x")])
def test_a_bug_keeps_its_traceback(bug: Exception) -> None:
    assert explained(bug) is None


def test_an_argument_that_is_no_utf8_is_a_matter_of_usage() -> None:
    ended = CliRunner().invoke(main, ["detect", "caf\udce9.csv", "b.csv"])
    assert ended.exit_code == 2
    assert "argument 2 is 'caf\\udce9.csv', which is no UTF-8" in ended.stderr


def test_pandas_index_is_no_feature(tmp_path: Path) -> None:
    whole = table(0)
    shifted = whole.append_column("__index_level_0__", pa.array(range(9_000, 9_000 + whole.num_rows)))
    pq.write_table(whole.append_column("__index_level_0__", pa.array(range(whole.num_rows))), tmp_path / "before.parquet")
    pq.write_table(shifted, tmp_path / "after.parquet")
    for command in ("detect", "diagnose"):
        ended = CliRunner().invoke(main, [command, str(tmp_path / "before.parquet"), str(tmp_path / "after.parquet"), "--time", "at"])
        assert ended.exit_code == 0, ended.output
        assert "index" not in ended.output
    ended = CliRunner().invoke(main, ["init", str(tmp_path / "before.parquet"), "-o", "-"])
    assert "left out '__index_level_0__': a table's index" in ended.stderr


@pytest.mark.parametrize(
    ("step", "given", "words"),
    [
        ("deploy", {}, "step deploy lacks version; expected --version=…"),
        ("close", {"version": "7"}, "step close got 'version'; expected --error=…"),
    ],
)
def test_a_step_names_the_inputs_that_it_lacks(step: str, given: dict[str, str], words: str) -> None:
    class Opened:
        """As far as a step is looked at before it runs."""

        class site:
            class ledger:
                closing = staticmethod(lambda _: None)

        incident = None

        @staticmethod
        def outputs(_: str) -> None:
            return None

    with pytest.raises(BadInput) as caught:
        call(step, Opened(), given)  # type: ignore[arg-type]
    assert words in str(caught.value)
