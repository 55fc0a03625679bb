"""Retraining, validation and deployment of a heal are runs of OpenLineage, with what went in and
what came out: those of a kept store, and of heals that broke.
"""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import jsonschema
import pytest

from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.adapters.events.openlineage import lineage_sink
from modelmedic.steps.contracts.errors import BadInput, Transient
from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.results import DeployResult, RetrainResult, ValidateResult
from modelmedic.steps.contracts.words import Outcome, Remedy
from modelmedic.steps.core.records.heal_trace import heal_trace
from modelmedic.steps.core.records.lineage import HealResults, run_events
from modelmedic.steps.records.ledger import Ledger
from tests.fakes.http_server import answering
from tests.records.test_heal_trace import NOW, kept, kept_store
from tests.records.test_kept_stores import MODEL

# What the specification asks of a run event and of the facets that are sent, in our words.
_NAMED = {"type": "object", "required": ["namespace", "name"], "properties": {"namespace": {"type": "string"}, "name": {"type": "string"}}}


def _facet(**fields: dict[str, Any]) -> dict[str, Any]:
    of_every = {"_producer": {"pattern": "^https://"}, "_schemaURL": {"pattern": r"^https://openlineage\.io/spec/.+\.json#/\$defs/"}}
    return {"type": "object", "required": [*of_every, *fields], "properties": {**of_every, **fields}, "additionalProperties": False}


_RUN_ID = {"type": "object", "required": ["runId"], "properties": {"runId": {"type": "string", "minLength": 36, "maxLength": 36}}}
_DATASET = {
    **_NAMED,
    "properties": {
        **_NAMED["properties"],
        "facets": {"properties": {"version": _facet(datasetVersion={"type": "string"})}, "additionalProperties": False},
    },
}
_RUN = {
    **_RUN_ID,
    "properties": {
        **_RUN_ID["properties"],
        "facets": {
            "properties": {
                "parent": _facet(run=_RUN_ID, job=_NAMED),
                "errorMessage": _facet(message={"type": "string"}, programmingLanguage={"type": "string"}),
            },
            "additionalProperties": False,
        },
    },
}
_RUN_EVENT = {
    "type": "object",
    "required": ["eventTime", "producer", "schemaURL", "run", "job"],
    "properties": {
        "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
        "eventTime": {"type": "string"},
        "producer": {"pattern": "^https://"},
        "schemaURL": {"const": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"},
        "run": _RUN,
        "job": _NAMED,
        "inputs": {"type": "array", "items": _DATASET},
        "outputs": {"type": "array", "items": _DATASET},
    },
    "additionalProperties": False,
}


def results() -> HealResults:
    incident, _, _ = kept()
    ledger = Ledger(kept_store(), PlayedClock(NOW))
    found = [ledger.result(incident, kind) for kind in (RetrainResult, ValidateResult, DeployResult)]
    return HealResults("s3://ml-prod/healing", "flights-delay", Remedy.RETRAIN, *found)


def events(heal: HealResults, closing: Closing | None = None) -> tuple[dict[str, Any], ...]:
    incident, closed, records = kept()
    return run_events(incident, closing or closed, heal, heal_trace(incident, closing or closed, records))


def course(told: tuple[dict[str, Any], ...]) -> list[tuple[str, str]]:
    return [(each["job"]["name"].removeprefix(f"{MODEL}."), each["eventType"]) for each in told]


def names(datasets: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(each["namespace"], each["name"], each["facets"]["version"]["datasetVersion"]) for each in datasets]


BROKE = Closing(Outcome.ESCALATED, NOW, "the pod was lost", by_error=True)
HEALED = [(job, kind) for job in ("retrain", "validate", "deploy") for kind in ("START", "COMPLETE")]


def test_every_event_is_what_the_specification_asks_for() -> None:
    told = [*events(results()), *events(HealResults("/var/store", "m", Remedy.RETRAIN), BROKE)]
    for event in told:
        jsonschema.validate(event, _RUN_EVENT)
        assert datetime.fromisoformat(event["eventTime"]).tzinfo is not None
        assert str(UUID(event["run"]["runId"])) == event["run"]["runId"]
    assert len(told) == 8


def test_each_stage_starts_and_completes_under_one_run_of_the_heal() -> None:
    told = events(results())
    assert course(told) == HEALED
    assert [each["run"]["runId"] for each in told[::2]] == [each["run"]["runId"] for each in told[1::2]]
    assert len({each["run"]["runId"] for each in told}) == 3
    assert len({each["run"]["facets"]["parent"]["run"]["runId"] for each in told}) == 1
    assert told == events(results()), "the same runs when they are told again"


def test_data_go_in_by_their_digests_and_a_version_comes_out() -> None:
    heal = results()
    assert heal.retrain is not None
    assert heal.validate is not None
    trained, validated, deployed = (event for event in events(heal) if event["eventType"] == "COMPLETE")
    snapshot, holdout, candidate = heal.retrain.snapshot, heal.retrain.holdout, str(heal.retrain.candidate)
    taught = ("s3://ml-prod", f"healing/candidates/flights-delay-28078b80/000001/{candidate}", candidate)
    version = ("mlflow", "flights-delay", "2")
    assert names(trained["inputs"]) == [("s3://ml-prod", f"healing/snapshots/{snapshot}.parquet", snapshot)]
    assert names(trained["outputs"]) == [taught]
    assert names(validated["inputs"]) == [taught, ("s3://ml-prod", f"healing/snapshots/{holdout}.parquet", holdout)]
    assert (names(validated["outputs"]), names(deployed["inputs"])) == ([version], [version])
    digest = heal.validate.digest
    assert names(deployed["outputs"]) == [("s3://ml-prod", f"healing/models/{digest}", digest)]


def test_a_run_takes_as_long_as_its_stage() -> None:
    start, end = (datetime.fromisoformat(event["eventTime"]) for event in events(results())[-2:])
    assert (end - start).total_seconds() == 241_920


def test_a_canary_that_was_taken_back_is_a_failed_deployment_without_an_output() -> None:
    heal = results()
    assert heal.deploy is not None
    last = events(replace(heal, deploy=replace(heal.deploy, outcome="withdrawn", sentence="it failed its callers")))[-1]
    assert (last["eventType"], last["outputs"]) == ("FAIL", [])
    assert last["run"]["facets"]["errorMessage"]["message"] == "it failed its callers"


@pytest.mark.parametrize(("left", "broken"), [(0, "retrain"), (1, "validate"), (2, "deploy")])
def test_the_stage_that_an_error_ended_failed(left: int, broken: str) -> None:
    kinds = ("retrain", "validate", "deploy")
    told = events(replace(results(), **dict.fromkeys(kinds[left:])), BROKE)
    assert course(told) == [*HEALED[: 2 * left], (broken, "START"), (broken, "FAIL")]


def test_a_heal_that_trains_nothing_has_no_runs() -> None:
    assert events(HealResults("s3://ml-prod", "m", Remedy.QUARANTINE), BROKE) == ()


def test_events_are_posted_in_order_to_the_catalogue() -> None:
    with answering() as heard:
        sink = lineage_sink({"MODELMEDIC_OPENLINEAGE": heard.url})
        assert sink is not None
        sink.send(events(results()))
    assert [path for path, _ in heard.asked] == ["/api/v1/lineage"] * 6
    assert [body for _, body in heard.asked] == json.loads(json.dumps(events(results())))


def test_a_catalogue_that_is_away_is_an_error_that_passes() -> None:
    with answering([(503, {}, b"")]) as heard:
        sink = lineage_sink({"MODELMEDIC_OPENLINEAGE": heard.url})
        assert sink is not None
        with pytest.raises(Transient, match="the catalogue of lineage at"):
            sink.send(events(results()))


def test_a_catalogue_is_asked_only_where_one_is_named() -> None:
    assert lineage_sink({}) is None
    with pytest.raises(BadInput, match="MODELMEDIC_OPENLINEAGE is refused"):
        lineage_sink({"MODELMEDIC_OPENLINEAGE": "marquez"})
