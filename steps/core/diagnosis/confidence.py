"""The confidence of a diagnosis: counted shares of right causes.

Counted on the fault bench's worlds that were looked at, 832 cases at full and at 0.6 size: (right +
1) / (cases + 2) for each way to a cause (Laplace 1814), and never above 0.97, because the next
world will differ from all of them. The held-out worlds check the numbers; the table stands in
docs/how-we-decide.md.
"""

import numpy as np

MOST = 0.97

BROKEN = 0.97  # in more than a tenth of the rows
BROKEN_IN_PART = 0.95
LABELS = 0.95
LABELS_WITHOUT_A_LAW = 0.9  # selected, or strangers to their rows
LABELS_SCATTERED = 0.8  # the world may have become noisier by itself
RELEASE = 0.96
RELEASE_UNRECORDED = 0.92
RELEASE_SUSPECTED = 0.6  # by its answers alone: not counted, and a person is asked
SICK = 0.9  # a service, with or without a release: not counted; what was measured is the cause itself
SEASON = 0.88
QUIET = 0.92
QUIET_OF_FEW_ROWS = 0.88
TOO_FEW_ROWS = 0.92
LOSS_WITHOUT_A_CAUSE = 0.6
CLOSE = 0.5  # two explanations are close

CONCEPT = 0.8  # the least of each, at the level at which the cause is first believed
COVARIATE = 0.86
LABEL_SHIFT = 0.75


def above(surplus: float, least: float) -> float:
    """The confidence from `least` towards the most: `surplus` is how far the deciding statistic
    exceeds its level, in its own unit.
    """
    return least + (MOST - least) * float(1 - np.exp(-max(surplus, 0.0) / 4))
