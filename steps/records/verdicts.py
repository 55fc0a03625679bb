"""The monitor's verdict on one window, found by what it was judged by."""

from datetime import datetime

from modelmedic.steps.contracts.detection import Verdict
from modelmedic.steps.contracts.keys import verdict_key
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.records.documents import read


def verdict_of(store: ObjectStore, model: str, champion: str, end: datetime, policy_hash: str) -> Verdict | None:
    """The verdict on the champion's window that ends then, by that policy; None where the monitor
    left none. An earlier version of modelmedic named no policy.
    """
    keys = (verdict_key(model, champion, end, policy_hash), verdict_key(model, champion, end))
    return next((found for key in keys if (found := read(store, Verdict, key)) is not None), None)
