"""The stage of a heal: the words in which the stage table is written and from which both
engines are made.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Account(StrEnum):
    """Step classes: what a stage may touch. In a cluster each one is a ServiceAccount with
    credentials of its own.
    """

    OBSERVE = "observe"  # reads logs and labels, writes records
    TRAIN = "train"  # runs the user's code; reads a snapshot, writes a candidate and no record
    VALIDATE = "validate"  # registers a version, writes models and records
    DEPLOY = "deploy"  # changes what serves and the aliases


class Image(StrEnum):
    """The container images of the program, by what is installed in them."""

    STEPS = "steps"  # light: no pandas, no training code
    TRAIN = "train"  # the user's training code, or ours
    REPORT = "report"  # Evidently, and the pandas that it needs
    PREDICTOR = "predictor"  # serves a model, and judges it where it will serve


class Kind(StrEnum):
    STEP = "step"  # runs in a pod, or in process
    APPROVAL = "approval"  # waits for a human; no pod
    EXIT = "exit"  # runs last, whatever happened


@dataclass(frozen=True, slots=True)
class Output:
    """One short text that the stage writes on every path, among `values` unless that is empty."""

    name: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """Holds when the stage's output is one of the values. A skipped stage's outputs are empty
    texts: `""` lets it pass.
    """

    stage: str
    output: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Input:
    """A flag of the step, filled from an earlier stage's output."""

    name: str
    stage: str
    output: str


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage. It starts once every stage of `after` has succeeded and every one of
    `after_or_skipped` has succeeded or was

    skipped, and runs if every condition of `when` holds; otherwise it is skipped. A stage that
    follows a failed one never starts.
    """

    name: str
    title: str  # what a person reads in a list or a graph
    description: str
    step: str  # the module of `steps` that does it, called as `python -m modelmedic.steps <step>`
    account: Account
    kind: Kind = Kind.STEP
    image: Image = Image.STEPS  # that its pod runs in
    after: tuple[str, ...] = ()
    after_or_skipped: tuple[str, ...] = ()
    when: tuple[Condition, ...] = ()
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = field(default=())
