"""Policies made by mutation of the example policies: each one loads, or is refused by sentences
with exit code 78 and no traceback. What loads renders, and what renders lints clean.
"""

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml
from click.testing import CliRunner
from click.testing import Result as Ended

from modelmedic.steps.contracts.errors import BadPolicy
from modelmedic.workflows.cli import main
from tests.adversary.attack import HELD, Attack, Result, not_held
from tests.adversary.mutation import Mutation

_POLICIES: Final = 400
_AT_A_TIME: Final = 20
_EXAMPLES: Final = tuple(sorted((Path(__file__).parents[2] / "examples").glob("*/policy.yaml")))
_HOSTILE: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1, 2**63, 10**400, 1e308, float("nan"), float("inf"), "", " ", "\n", "0d", "-1h", "1e9d", "99999999999w",
    "{{workflow.name}}", "{{=sprig.env('HOME')}}", "$(id)", "`id`", "../../etc/passwd", "/dev/zero", "http://ada:hunter2@host:1/",
    "a" * 5000,     "\u202e", "\U0001f4a5", "null", "yes", "2026-02-30T00:00:00Z", "0001-01-01T00:00:00+23:59", [], {}, [[]], [{}],
    {"": ""},
    {"x": None},
    ["a"] * 1000, "concept_drift", "retrain", "act", "binary", "s3://", "s3://b/p?x=1", "file:///", "a.b:c", "os:system", "train",
)  # fmt: skip
_SPOILED: Final = (
    "&a [*a]", "!!python/object/apply:os.system [id]", "a: b: c", "\t- x", "---\n---", "? x", "<<: *none", "&a [&b [*a, *a], *b]",
    "%YAML 9.9",    "\x00", "[" * 5000, "{" * 5000, "- " * 3000, "\ufeff", "'", '"', "|", ">9", "!<tag:yaml.org,2002:binary> x",
)  # fmt: skip


def _renamed(place: Any, rng: random.Random) -> Any:
    return rng.choice((f"{place}s", str(place).upper(), "x", "", "\u202e", 7))


_MUTATION: Final = Mutation(_HOSTILE, _renamed, stop=0.08, deeper=0.75, dropped=0.85)


def attacks(seed: int) -> Iterator[Attack]:
    for first in range(0, _POLICIES, _AT_A_TIME):
        name = f"mutations {first + 1} to {first + _AT_A_TIME}"
        yield Attack(name, "policies", partial(_try, seed, first), seconds=120, tries=_AT_A_TIME)


def _try(seed: int, first: int, folder: Path) -> Result:
    for number in range(first, first + _AT_A_TIME):
        file = folder / "policy.yaml"
        file.write_bytes(_text(random.Random(f"{seed}/{number}")))
        fault = _fault(file, folder / "out", renders=number % 4 == 0)
        if fault:
            return not_held(f"mutation {number} of seed {seed}: {fault}")
    return HELD


def _fault(file: Path, out: Path, *, renders: bool) -> str | None:
    checked = CliRunner().invoke(main, ["validate", str(file)])
    if fault := _unclean(checked):
        return f"validate {fault}"
    if checked.exit_code or not renders or ": ok, HealingPolicy" not in checked.stdout:
        return None
    rendered = CliRunner().invoke(main, ["render", str(file), "--out", str(out)])
    return f"render of what is valid {_unclean(rendered) or 'is refused: ' + rendered.stderr}" if rendered.exit_code else None


def _unclean(ended: Ended) -> str | None:
    """The fault of an ending that is neither 0 nor sentences with the code of a bad policy."""
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        return f"raised {type(ended.exception).__name__}: {ended.exception}"[:300]
    if ended.exit_code not in (0, BadPolicy.exit_code):
        return f"ended with exit code {ended.exit_code}: {ended.stderr[:200]}"
    if ended.exit_code and (not ended.stderr.strip() or "Traceback" in ended.stderr):
        return f"said {ended.stderr[:200]!r}"
    return "showed a password" if "hunter2" in ended.stdout + ended.stderr else None


def _text(rng: random.Random) -> bytes:
    text = rng.choice(_EXAMPLES).read_text()
    document = yaml.safe_load(text)
    if rng.random() < 0.75:
        for _ in range(rng.randint(1, 3)):
            document = _MUTATION.of(document, rng)
        return yaml.safe_dump(document, sort_keys=False, allow_unicode=rng.random() < 0.5).encode()
    return _spoiled(text, rng)


def _spoiled(text: str, rng: random.Random) -> bytes:
    """The file with a line replaced, cut short, in another encoding or with bytes changed."""
    lines = text.splitlines()
    kind = rng.randrange(5)
    if kind == 0:
        key = lines[place := rng.randrange(len(lines))].partition(":")[0]
        lines[place] = f"{key}: {rng.choice(_SPOILED)}"
    elif kind == 1:
        lines.insert(rng.randrange(len(lines)), rng.choice(_SPOILED))
    elif kind == 2:
        return text.encode()[: rng.randrange(len(text))]
    elif kind == 3:
        return text.encode(rng.choice(("utf-16", "utf-32", "utf-8-sig", "cp037")))
    else:
        changed = bytearray(text.encode())
        for _ in range(rng.randint(1, 20)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        return bytes(changed)
    return "\n".join(lines).encode()
