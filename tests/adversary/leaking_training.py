"""A training function that prints secrets of every kind, and raises one of them."""

import random
import sys
from typing import Any

import pandas as pd

from modelmedic.steps.contracts.policy import Policy
from tests.adversary.planted_secrets import KINDS, Planted, planted


def secrets() -> list[Planted]:
    """One of each kind, the same ones in every process."""
    return [planted(kind, random.Random(f"training/{kind}")) for kind in KINDS]


def leaking(frame: pd.DataFrame, policy: Policy) -> Any:
    del frame, policy
    for secret in secrets():
        print(secret.text)  # noqa: T201
        print(secret.text, file=sys.stderr)  # noqa: T201
    raise ValueError(secrets()[0].text)
