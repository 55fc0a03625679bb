"""The reach of each step class in the object store."""

import json
from fnmatch import fnmatchcase
from typing import Any

from modelmedic.workflows.cluster.store_access import ACCESS
from modelmedic.workflows.inputs.platform import Platform
from modelmedic.workflows.output.tree import BASE
from modelmedic.workflows.render.render import render
from tests.render.policies import policy

PLATFORM = Platform.model_validate({"services": {"store": "s3://ml-prod/healing"}})
ROOT = "arn:aws:s3:::ml-prod/healing/"


def documents() -> dict[str, Any]:
    tree = render([policy(), policy(metadata={"name": "fraud", "owner": "risk"})], PLATFORM)
    return {name: json.loads(tree[f"{BASE}/store-access/{name}.json"]) for name in ACCESS}


def may(document: Any, action: str, key: str) -> bool:
    return any(
        action in statement["Action"] and any(fnmatchcase(ROOT + key, resource) for resource in statement["Resource"])
        for statement in document["Statement"]
    )


def test_nobody_may_delete_or_do_everything() -> None:
    actions = {action for document in documents().values() for statement in document["Statement"] for action in statement["Action"]}
    assert actions == {"s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"}


def test_training_code_reaches_no_record_and_no_model() -> None:
    train = documents()["train"]
    assert may(train, "s3:PutObject", "candidates/churn-1a2b3c4d/000001/0/MLmodel")
    assert may(train, "s3:PutObject", "incidents/churn-1a2b3c4d/000001/stages/retrain.json")
    for key in (
        "audit/churn/00000001.json",
        "incidents/churn/000001/opened.json",
        "models/abc/MLmodel",
        "control/freeze/all.json",
        "leases/churn.json",
    ):
        assert not may(train, "s3:PutObject", key), key


def test_a_predictor_writes_its_log_and_reads_models_alone() -> None:
    predictor = documents()["predictor"]
    assert may(predictor, "s3:PutObject", "inference-log/churn/x.parquet")
    assert may(predictor, "s3:PutObject", "inference-log/fraud/x.parquet")
    assert not may(predictor, "s3:PutObject", "labels/churn/x.parquet")
    assert not may(predictor, "s3:GetObject", "labels/churn/x.parquet")


def test_no_class_can_lift_a_freeze() -> None:
    assert not any(may(document, "s3:PutObject", "control/freeze/all.json") for document in documents().values())


def test_no_class_can_give_autonomy_back() -> None:
    key = "control/autonomy/churn-1a2b3c4d/000001.json"
    assert not any(may(document, "s3:PutObject", key) for document in documents().values())


def test_only_validate_vouches_for_a_model() -> None:
    assert [name for name, document in documents().items() if may(document, "s3:PutObject", "models/abc/MLmodel")] == ["validate"]
