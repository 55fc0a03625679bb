"""The comparisons of versions that the monitor has kept, read back by the diagnosis of a release,
the assessment of a heal and the report.
"""

from datetime import datetime

from modelmedic.steps.contracts.comparison import Comparison
from modelmedic.steps.contracts.formats import parse
from modelmedic.steps.contracts.keys import comparison_folder, comparison_key
from modelmedic.steps.contracts.ports import ObjectStore


def newest_comparison(store: ObjectStore, model: str, version: str, *, after: datetime | None = None) -> Comparison | None:
    """The newest look at the version, of those made later than `after` if it is given; None when
    there is none.
    """
    first = comparison_key(model, version, after) if after else ""
    keys = list(store.list(comparison_key(model, version), after=first))
    return parse(Comparison, store.get(keys[-1]).data, keys[-1]) if keys else None


def last_comparisons(store: ObjectStore, model: str) -> tuple[Comparison, ...]:
    """The newest look at each version that was ever compared, by version."""
    newest: dict[str, str] = {}
    for key in store.list(comparison_folder(model)):
        newest[key.rpartition("/")[0]] = key
    return tuple(parse(Comparison, store.get(key).data, key) for key in newest.values())
