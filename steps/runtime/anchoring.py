"""The anchoring of the audit trail: its head is remarked on the registered model, outside of the
store, at the end of whatever writes records. Called by the monitor, close, the sweep, bootstrap and
undo.
"""

from modelmedic.steps.contracts.errors import ModelmedicError, NotFound
from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.core.records.anchor import NAME, against, anchor_text, read_anchor
from modelmedic.steps.runtime.run import Site


def anchor(site: Site) -> None:
    """Remark the trail's head on the registered model. A remark that the trail does not bear out is
    left, and people are told: the store was set back. Never raises: no act waits for it.
    """
    try:
        _anchor(site)
    except NotFound:
        return  # nothing is registered yet
    except ModelmedicError as error:
        site.say(f"the end of the audit trail could not be remarked in the registry: {error}")


def _anchor(site: Site) -> None:
    head, known = site.trail.head(), site.registry.remark(NAME)
    if not head.sequence and known is None:
        return
    if known is not None:
        seen = read_anchor(site.model, known, site.anchor_key)
        fault = against(site.model, seen, head.sequence, site.trail.hash_of(seen.head.sequence))
        if fault:
            site.say(fault)
            site.tell("audit.differs", Severity.CRITICAL, site.policy.metadata.owner, f"{site.model}: the records were changed", fault)
            return
    text = anchor_text(site.model, head, site.anchor_key)
    if text != known:
        site.registry.set_remark(NAME, text)
