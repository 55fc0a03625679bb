"""A registered version asked about rows: in a child process, or as the site says."""

import numpy as np
import pyarrow as pa

from modelmedic.steps.contracts.errors import ModelmedicError
from modelmedic.steps.core.tables.arrays import Floats
from modelmedic.steps.runtime.run import Site
from modelmedic.steps.runtime.versions import version_files
from modelmedic.steps.training.predict import ask_in_child
from modelmedic.steps.training.scratch import scratch_folder


def ask_version(site: Site, version: str, rows: pa.Table, purpose: str = "compared") -> Floats | None:
    """The version's answers, shape (n,). None, with a word on the terminal, when it cannot be
    asked.
    """
    try:
        if site.ask is not None:
            return np.asarray(site.ask(version, rows), dtype=np.float64)
        folder = version_files(site, site.registry.version(version))
        with scratch_folder(site.work / purpose) as scratch:
            asked = ask_in_child(folder, site.policy, rows, scratch / version, timed=False)
    except ModelmedicError as error:
        site.say(f"version {version} cannot be {purpose}: {error}")
        return None
    if asked.answers is None:
        site.say(f"version {version} cannot be {purpose}: {asked.fitness.fault}")
    return asked.answers
