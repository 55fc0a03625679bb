"""The champion's loss over its life, beside its training in the registry, where people compare the
versions of a model. Called after each look of the monitor.
"""

from datetime import timedelta

from modelmedic.steps.contracts.errors import ModelmedicError
from modelmedic.steps.detection.monitor import MonitorResult
from modelmedic.steps.runtime.run import Site
from modelmedic.steps.runtime.versions import taught_until


def keep_measured_loss(site: Site, seen: MonitorResult) -> None:
    """Keep the loss on the labels of the window, at its end and by the champion's age in days; not
    for a window without labels. A registry that is away is only said.
    """
    found, window = seen.verdict.performance, seen.verdict.window
    if found is None or window is None:
        return
    try:
        taught = taught_until(site.registry.version(seen.champion))
        age = max(0, (window.end - taught) // timedelta(days=1)) if taught is not None else 0
        site.registry.measure(
            seen.champion, {f"served_{found.loss}": found.current, "served_labels": found.labels}, at=window.end, step=age
        )
    except ModelmedicError as error:
        site.say(f"the loss of version {seen.champion} is not beside its training in MLflow: {error}")
