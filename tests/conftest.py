"""One thread per process: the suite runs in several, and threads that wait for one another in a
busy loop take ten times as long beside a neighbour.
"""

import os

for _library in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_library, "1")
