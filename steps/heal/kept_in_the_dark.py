"""The challenger that an incident is about because it has won in the dark; asked by the stages
retrain and validate, which then train and judge nothing.
"""

from modelmedic.steps.contracts.comparison import WON
from modelmedic.steps.contracts.errors import Refused
from modelmedic.steps.contracts.training import DARK, ModelVersion
from modelmedic.steps.runtime.run import Run


def won_in_the_dark(run: Run) -> str | None:
    """The name of the version, by the incident alone; None for any other incident."""
    return run.incident.facts.get("version") if run.incident.alert == WON else None


def won_version(run: Run) -> ModelVersion | None:
    """The version with its files. Raises NotFound when it is gone from the registry, and Refused
    when validation never kept it.
    """
    named = won_in_the_dark(run)
    if named is None:
        return None
    version = run.site.registry.version(named)
    if version.tags.get("passed") != DARK:
        raise Refused(f"version {named} was not kept in the dark by its validation; expected one with the tag passed={DARK}")
    return version
