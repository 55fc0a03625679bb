"""The retraining, validation and deployment of a heal as runs of OpenLineage: the data that went
in, the model version that came out. Called by incidents/handing_over; docs/what-happened.md has
the names.

Run ids follow from the incident's, so that runs that are told again are the same ones.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from modelmedic.steps.contracts.codec import to_plain
from modelmedic.steps.contracts.incident import Closing, Incident
from modelmedic.steps.contracts.keys import candidate_prefix, model_hash, model_prefix, snapshot_key
from modelmedic.steps.contracts.redaction import redact_text
from modelmedic.steps.contracts.results import DeployResult, RetrainResult, ValidateResult
from modelmedic.steps.contracts.trace import Span
from modelmedic.steps.contracts.words import Remedy

_SPEC: Final = "https://openlineage.io/spec"
_EVENT: Final = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACETS: Final = {
    "version": f"{_SPEC}/facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet",
    "errorMessage": f"{_SPEC}/facets/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet",
    "parent": f"{_SPEC}/facets/1-2-0/ParentRunFacet.json#/$defs/ParentRunFacet",
    "jobType": f"{_SPEC}/facets/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet",
}
_PRODUCER: Final = "https://modelmedic.example"
_JOBS: Final = "modelmedic"  # the namespace of jobs
_MODELS: Final = "mlflow"  # the namespace of registered models
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class HealResults:
    """The results of a heal as far as it came, with the remedy that was acted on, and the names by
    which data sets are told: the place of the object store, and the registered model's.
    """

    store: str
    registered: str
    remedy: Remedy | None = None
    retrain: RetrainResult | None = None
    validate: ValidateResult | None = None
    deploy: DeployResult | None = None


@dataclass(frozen=True, slots=True)
class _Job:
    """One stage: what it took and what it made, and why it failed; empty when it did not."""

    name: str
    inputs: tuple[Json, ...]
    outputs: tuple[Json, ...]
    error: str = ""


def run_events(incident: Incident, closing: Closing, results: HealResults, spans: Sequence[Span]) -> tuple[Json, ...]:
    """Two events for each of the three stages that ran: START, then COMPLETE or FAIL. `spans` are
    those of the heal's trace, for the times.
    """
    times = {span.name: (span.start, span.end) for span in spans}
    found: list[Json] = []
    for job in _jobs(incident, closing, results):
        start, end = times.get(job.name, (closing.at, closing.at))
        facets = {"errorMessage": _facet("errorMessage", message=job.error, programmingLanguage="Python")} if job.error else {}
        found.append(_event(incident, job, "START", start, {}))
        found.append(_event(incident, job, "FAIL" if job.error else "COMPLETE", end, facets))
    return tuple(found)


def _jobs(incident: Incident, closing: Closing, results: HealResults) -> Iterator[_Job]:
    """A gate that failed is a result and completes the validation. A stage that broke has no
    result: it is the one behind the last that has one, where an error ended the heal.
    """
    trained, validated, deployed = results.retrain, results.validate, results.deploy
    broken = redact_text(closing.sentence) if closing.by_error else ""
    if trained is None:
        if broken and results.remedy in (Remedy.RETRAIN, Remedy.RECALIBRATE):
            yield _Job("retrain", (), (), broken)
        return
    taught = _snapshots(results, trained.snapshot)
    place = candidate_prefix(model_hash(incident.model), incident.epoch)
    candidate = (_stored(results, f"{place}/{trained.candidate}", trained.candidate),) if trained.candidate else ()
    yield _Job("retrain", taught, candidate)
    if validated is None:
        if broken and trained.trained:
            yield _Job("validate", _snapshots(results, trained.holdout), (), broken)
        return
    version = (_dataset(_MODELS, results.registered, validated.version),)
    yield _Job("validate", (*candidate, *_snapshots(results, trained.holdout)), version)
    if deployed is not None:
        healed = deployed.outcome == "healed"
        yield _Job("deploy", version, _served(results, validated) if healed else (), "" if healed else redact_text(deployed.sentence))
    elif broken and validated.validation.passed:
        yield _Job("deploy", version, (), broken)


def _snapshots(results: HealResults, digest: str | None) -> tuple[Json, ...]:
    return (_stored(results, snapshot_key(digest), digest),) if digest else ()


def _served(results: HealResults, validated: ValidateResult) -> tuple[Json, ...]:
    return (_stored(results, model_prefix(validated.digest), validated.digest),)


def _stored(results: HealResults, key: str, digest: str) -> Json:
    """An object of the store, by the bucket and the key below it, or by the path of a file."""
    scheme, separator, place = results.store.partition("://")
    if not separator:
        return _dataset("file", f"{results.store}/{key}", digest)
    bucket, _, prefix = place.partition("/")
    return _dataset(f"{scheme}://{bucket}", f"{prefix}/{key}" if prefix else key, digest)


def _dataset(namespace: str, name: str, version: str) -> Json:
    return {"namespace": namespace, "name": name, "facets": {"version": _facet("version", datasetVersion=version)}}


def _event(incident: Incident, job: _Job, kind: str, at: datetime, facets: Json) -> Json:
    heal = {"namespace": _JOBS, "name": f"{incident.model}.heal"}
    parent = _facet("parent", run={"runId": _run_id(incident, "heal")}, job=heal)
    of_kind = _facet("jobType", processingType="BATCH", integration="MODELMEDIC", jobType="STAGE")
    return {
        "eventType": kind,
        "eventTime": to_plain(at),
        "producer": _PRODUCER,
        "schemaURL": _EVENT,
        "run": {"runId": _run_id(incident, job.name), "facets": {"parent": parent, **facets}},
        "job": {"namespace": _JOBS, "name": f"{incident.model}.{job.name}", "facets": {"jobType": of_kind}},
        "inputs": list(job.inputs),
        "outputs": list(job.outputs) if kind == "COMPLETE" else [],
    }


def _facet(name: str, **fields: Any) -> Json:
    return {"_producer": _PRODUCER, "_schemaURL": _FACETS[name], **fields}


def _run_id(incident: Incident, name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"modelmedic:{incident.id}/{name}"))
