"""The closed vocabularies of the healing loop. One word per idea, spelt the same in code, YAML,
metrics and audit.
"""

from enum import StrEnum
from typing import Final


class Task(StrEnum):
    """The kind of prediction. A binary model predicts the probability of the positive class."""

    BINARY = "binary"
    REGRESSION = "regression"


class Cause(StrEnum):
    """The reason for which a model's current window differs from its reference window."""

    NONE = "none"
    DATA_QUALITY = "data_quality"
    LABEL_QUALITY = "label_quality"
    BAD_RELEASE = "bad_release"
    SEASONAL = "seasonal"
    COVARIATE_SHIFT = "covariate_shift"
    LABEL_SHIFT = "label_shift"
    CONCEPT_DRIFT = "concept_drift"
    AGEING = "ageing"
    INSUFFICIENT_EVIDENCE = "insufficient_evidence"


OF_THE_WORLD: Final = frozenset({Cause.CONCEPT_DRIFT, Cause.LABEL_SHIFT, Cause.COVARIATE_SHIFT})
BROKEN_ROWS: Final = frozenset({Cause.DATA_QUALITY, Cause.LABEL_QUALITY})
BROKEN: Final = BROKEN_ROWS | {Cause.BAD_RELEASE}


class ChangeKind(StrEnum):
    """The kinds of changes beside the model that people note."""

    JOB = "job"  # a job that makes its data
    FEATURE = "feature"  # the definition or the version of a feature
    CONFIGURATION = "configuration"
    SOURCE = "source"  # where data comes from: a vendor, a sensor, a table


class Remedy(StrEnum):
    """The action taken about a cause."""

    NONE = "none"
    QUARANTINE = "quarantine"
    ROLLBACK = "rollback"
    RECALIBRATE = "recalibrate"
    RETRAIN = "retrain"
    ESCALATE = "escalate"


class Risk(StrEnum):
    """The price of a training, and of a challenger that is not yet shown to be better."""

    CAUTIOUS = "cautious"
    BALANCED = "balanced"
    EAGER = "eager"


class Autonomy(StrEnum):
    """The limit to which the loop may go with a remedy without a human; ordered by `rank`."""

    OBSERVE = "observe"
    SUGGEST = "suggest"
    APPROVE = "approve"
    ACT = "act"

    @property
    def rank(self) -> int:
        return list(Autonomy).index(self)


class VerdictState(StrEnum):
    """The states of a verdict on one current window, most urgent first."""

    INSUFFICIENT = "insufficient"  # too few rows (or none) to say anything
    BROKEN = "broken"  # the data itself is wrong: never train on it
    DEGRADED = "degraded"  # matured labels show that the loss has risen
    DRIFTED = "drifted"  # some column is distributed differently
    QUIET = "quiet"


class Direction(StrEnum):
    """Advancing goes towards a challenger and fails closed; retreating goes back to the last good
    state, always allowed.
    """

    ADVANCE = "advance"
    RETREAT = "retreat"


class Outcome(StrEnum):
    """The ways in which an incident ends."""

    HEALED = "healed"
    ROLLED_BACK = "rolled_back"
    QUARANTINED = "quarantined"
    NO_ACTION = "no_action"  # the diagnosis asked for nothing, and nothing was done
    REJECTED = "rejected"  # a challenger failed a gate, or a person rejected the heal
    WITHDRAWN = "withdrawn"  # a canary was taken back
    ESCALATED = "escalated"  # a human has to look
    SUGGESTED = "suggested"  # autonomy allowed only to say what it would have done
    OBSERVED = "observed"  # autonomy allowed only to record what it would have done
