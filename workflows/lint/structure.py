"""Every field of every object is known and of its type: a misspelt field is found although the API
server would drop it without a word.
"""

from collections import Counter

from modelmedic.workflows.lint.findings import CheckResult, Unchecked
from modelmedic.workflows.lint.objects import Objects
from modelmedic.workflows.lint.schemas.choice import mistaken, schema_of
from modelmedic.workflows.lint.schemas.crds import Definitions


def structure(objects: Objects, crds: Definitions | None = None) -> CheckResult:
    """`seen` counts the objects that were held against a schema; those that were not are counted by
    kind in `unchecked`.
    """
    crds = crds or Definitions()
    findings = list(objects.unreadable)
    sources: Counter[str] = Counter()
    unchecked: Counter[tuple[str, str]] = Counter()
    for thing in objects.all:
        schema = schema_of(thing.api_version, thing.kind, crds)
        if schema is not None:
            sources[schema.source] += 1
            findings += (thing.finding(sentence) for sentence in schema.faults(thing.document))
        elif why := mistaken(thing.api_version, thing.kind, crds):
            findings.append(thing.finding(f"has the kind {thing.kind} of {thing.api_version}, {why}"))
        else:
            unchecked[thing.api_version, thing.kind] += 1
    return CheckResult(
        "structure",
        sum(sources.values()),
        tuple(sorted(set(findings))),
        unchecked=tuple(Unchecked(kind, version, count) for (version, kind), count in sorted(unchecked.items())),
        sources=dict(sorted(sources.items())),
    )
