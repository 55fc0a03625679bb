"""A profile as a JSON document and back, with the same counts."""

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

import numpy as np

from modelmedic.steps.contracts.codec import canonical, decode, to_plain
from modelmedic.steps.core.profiles.layout import Layout
from modelmedic.steps.core.profiles.profile import Codes, Fit, Losses, Numbers, Profile

_FORMAT = 3
_READ = (2, _FORMAT)  # the second had no segments


def to_document(profile: Profile) -> dict[str, Any]:
    return {"format": _FORMAT, "layout": to_plain(profile.layout), **_counts(profile)}


def _counts(profile: Profile) -> dict[str, Any]:
    return {
        "rows": profile.rows,
        "columns": {name: _column(column) for name, column in profile.columns.items()},
        "absent": sorted(profile.absent),
        "retyped": sorted(profile.retyped),
        "hours": _pairs(profile.hours),
        "span": list(profile.span) if profile.span else None,
        "losses": [profile.losses.rows, profile.losses.total, profile.losses.squares],
        "fit": list(astuple(profile.fit)),
        "labels": profile.labels,
        "prints": _pairs(profile.prints),
        "segments": [_counts(segment) for segment in profile.segments],
    }


def from_document(document: Mapping[str, Any]) -> Profile:
    """Raises ValueError (pydantic's among them), KeyError or TypeError for a document of another
    format.
    """
    if document["format"] not in _READ:
        raise ValueError(f"profile has format {document['format']}; expected one of {', '.join(map(str, _READ))}")
    return _from_counts(decode(Layout, canonical(document["layout"])), document)


def _from_counts(layout: Layout, document: Mapping[str, Any]) -> Profile:
    return Profile(
        layout=layout,
        rows=int(document["rows"]),
        columns={name: _from_column(layout, name, column) for name, column in document["columns"].items()},
        absent=frozenset(document["absent"]),
        retyped=frozenset(document["retyped"]),
        hours=_whole(document["hours"]),
        span=(int(document["span"][0]), int(document["span"][1])) if document["span"] else None,
        losses=Losses(*(int(n) for n in document["losses"])),
        fit=Fit(*(int(n) for n in document["fit"])),
        labels=int(document["labels"]),
        prints=_whole(document["prints"]),
        segments=tuple(_from_counts(layout.within, segment) for segment in document.get("segments", ())),
    )


def _column(column: Numbers | Codes) -> dict[str, Any]:
    if isinstance(column, Codes):
        return {"codes": dict(column.counts), "nulls": column.nulls, "known": column.known, "identifier": column.identifier}
    filled = np.flatnonzero(column.counts)
    return {
        "counts": [filled.tolist(), column.counts[filled].tolist()],
        "tails": _pairs(column.tails),
        "nulls": column.nulls,
        "repeated": _pairs(column.repeated),
    }


def _from_column(layout: Layout, name: str, column: Mapping[str, Any]) -> Numbers | Codes:
    if "codes" in column:
        return Codes(dict(column["codes"]), int(column["nulls"]), int(column["known"]), bool(column["identifier"]))
    axis = layout.numbers[name]
    counts = np.zeros(axis.bins, dtype=np.int64)
    counts[column["counts"][0]] = column["counts"][1]
    repeated = {float(value): int(count) for value, count in column["repeated"]}
    return Numbers(axis, counts, _whole(column["tails"]), int(column["nulls"]), repeated)


def _pairs(counts: Mapping[Any, int]) -> list[list[Any]]:
    return [[key, count] for key, count in counts.items()]


def _whole(pairs: list[list[Any]]) -> dict[int, int]:
    return {int(key): int(count) for key, count in pairs}
