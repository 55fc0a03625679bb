"""The result of a retraining, and the gates' verdict on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Remedy

DARK: Final = "dark"  # the tag `passed` of a version that is kept in the dark


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """The labelled rows that a challenger learns from, and the recent ones that it is judged on."""

    remedy: Remedy  # retrain or recalibrate
    train: Window
    holdout: Window
    excluded: tuple[Window, ...] = ()  # quarantined spans
    reason: str = ""
    enough: bool = True  # False: there are too few rows, and the reason says so
    rows: int = 0  # labelled rows to learn from
    holdout_rows: int = 0
    beside: tuple[Window, ...] = ()  # spans whose rows the new version's reference holds beside the holdout
    new: bool = False  # nothing but rows of a new concept teaches
    halving: timedelta | None = None  # a row counts half as much for every such span of age; None: all alike


@dataclass(frozen=True, slots=True)
class Gate:
    """One named check of a challenger. `low` and `high` bound `value` where it is an estimate."""

    name: str
    passed: bool
    sentence: str
    value: float | None = None
    threshold: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Validation:
    """All gates of one challenger; it passes when every gate does."""

    version: str
    digest: str
    gates: tuple[Gate, ...]
    metrics: Mapping[str, float] = field(default_factory=dict)  # challenger_auc, champion_auc, …

    @property
    def passed(self) -> bool:
        return bool(self.gates) and all(gate.passed for gate in self.gates)


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One registered model. `digest` is the sha256 of its files; `key` is what makes registering it
    twice one version.
    """

    name: str
    version: str
    digest: str
    uri: str  # where a server can read it: a folder, or a prefix of the object store
    run_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
