"""A look of the monitor, and who hears of it."""

from datetime import datetime

from modelmedic.steps.contracts.samples import Publisher
from modelmedic.steps.detection.measured_loss import keep_measured_loss
from modelmedic.steps.detection.metrics import publish_verdict
from modelmedic.steps.detection.monitor import MonitorResult, monitor
from modelmedic.steps.runtime.run import Site


def look_and_tell(site: Site, publisher: Publisher, end: datetime | None = None) -> tuple[MonitorResult, bool]:
    """Judge the window, push the verdict, and keep the loss beside the version's training; false
    where the push failed. Alerts are made of the push, so it waits for no registry.
    """
    seen = monitor(site, end)
    delivered = publish_verdict(site, seen, publisher)
    keep_measured_loss(site, seen)
    return seen, delivered
