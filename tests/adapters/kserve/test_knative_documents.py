"""An InferenceService in Knative mode, read and changed: the documents alone, because none of it
was run against Knative.
"""

from typing import Any

import pytest

from modelmedic.steps.adapters.kserve.document import predictor, read_predictor
from modelmedic.steps.adapters.kserve.knative import canary, percent_seen, promotion, read_spec, settled, share, withdrawal
from modelmedic.steps.adapters.kserve.serving import KServeServing
from modelmedic.steps.adapters.kube.client import Kube
from modelmedic.steps.contracts.errors import BadPolicy
from modelmedic.steps.contracts.training import ModelVersion
from tests.worlds.serving import policy


def _serves(version: str) -> dict[str, Any]:
    return predictor({}, ModelVersion("tiny", version, f"d{version}", f"models/d{version}"), f"s3://x/models/d{version}", policy(), "")


def _service(version: str, percent: int | None = None) -> dict[str, Any]:
    more = {} if percent is None else {"canaryTrafficPercent": percent}
    return {"metadata": {"generation": 3}, "spec": {"predictor": {**_serves(version), **more}}}


def test_without_a_percentage_the_predictor_is_the_champion() -> None:
    now = read_spec(_service("1"), None)
    assert now.champion is not None
    assert (now.champion.version, now.canary, now.generation) == ("1", None, 3)


def test_with_a_percentage_the_predictor_is_the_canary_of_whom_it_replaces() -> None:
    now = read_spec(_service("2", 20), read_predictor(_serves("1")))
    assert now.champion is not None
    assert now.canary is not None
    assert (now.champion.version, now.canary.version, now.percent) == ("1", "2", 20)


def test_a_withdrawn_canary_leaves_the_champion_and_keeps_the_newest_revision_dark() -> None:
    change = withdrawal(_serves("1"))["spec"]["predictor"]
    assert change["canaryTrafficPercent"] == 0
    after = read_spec({"metadata": {"generation": 4}, "spec": {"predictor": change}}, read_predictor(_serves("1")))
    assert after.champion is not None
    assert (after.champion.version, after.canary) == ("1", None)


def test_a_canary_starts_without_traffic_and_a_promotion_takes_the_percentage_away() -> None:
    assert canary(_serves("2"))["spec"]["predictor"]["canaryTrafficPercent"] == 0
    assert share(20) == {"spec": {"predictor": {"canaryTrafficPercent": 20}}}
    assert promotion() == {"spec": {"predictor": {"canaryTrafficPercent": None}}}


def test_what_the_latest_revision_gets_is_read_from_the_route() -> None:
    traffic = [{"revisionName": "b", "percent": 20, "latestRevision": True}, {"revisionName": "a", "percent": 80, "latestRevision": False}]
    component = {"traffic": traffic, "latestCreatedRevision": "b", "latestReadyRevision": "a"}
    service = {"status": {"components": {"predictor": component}}}
    assert (percent_seen(service), settled(service), percent_seen({}), settled({})) == (20, False, 0, False)


def test_serving_refuses_the_mode_that_was_never_run() -> None:
    with pytest.raises(BadPolicy, match=r"serving\.mode is Knative"):
        KServeServing(Kube(None), policy(mode="Knative"), "s3://x")
