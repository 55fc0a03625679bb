"""Every record's folder is one that a policy may not send its logs to."""

import inspect
from datetime import UTC, datetime

from modelmedic.steps.adapters.store import probe
from modelmedic.steps.contracts import keys
from modelmedic.steps.contracts.policy_types import OURS

NO_NAMES = ("check_key", "word", "incident_id", "incident_place", "is_key", "model_hash", "slug")
EXAMPLES = {"number": 1, "at": datetime(2026, 1, 1, tzinfo=UTC), "epoch": 1, "sequence": 1, "end": None, "incident": None}


def test_every_folder_that_the_loop_writes_to_is_its_own() -> None:
    functions = [f for name, f in inspect.getmembers(keys, inspect.isfunction) if f.__module__ == keys.__name__ and name not in NO_NAMES]
    wanted = {
        f: [p for p in inspect.signature(f).parameters.values() if p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
        for f in functions
    }
    written = {f(*(EXAMPLES.get(p.name, "x") for p in parameters)).partition("/")[0] for f, parameters in wanted.items()}
    assert written | {probe.KEY.partition("/")[0]} == OURS
