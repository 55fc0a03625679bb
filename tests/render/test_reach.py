"""The openings of the network follow the addresses that steps are told, and lint says where they do
not.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelmedic.workflows.inputs.platform import Peer, Platform, read_platform
from modelmedic.workflows.inputs.reach import peer_of, reached
from modelmedic.workflows.lint.run import lint
from modelmedic.workflows.render.render import render
from tests.worlds.serving import policy

ROOT = Path(__file__).parents[2]
TOLD = {"events": "MODELMEDIC_EVENTS_SINK", "otlp": "MODELMEDIC_OTLP", "openlineage": "MODELMEDIC_OPENLINEAGE"}


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        ("http://mlflow:5000", Peer(labels={"app.kubernetes.io/name": "mlflow"}, port=5000)),
        ("http://mlflow.mlops:5000", Peer(namespace="mlops", labels={"app.kubernetes.io/name": "mlflow"}, port=5000)),
        ("http://mlflow.mlops.svc.cluster.local", Peer(namespace="mlops", labels={"app.kubernetes.io/name": "mlflow"}, port=80)),
        ("https://10.0.0.7", Peer(cidr="10.0.0.7/32", port=443)),
        ("https://mlflow.example.com", None),
    ],
)
def test_an_address_names_a_place(address: str, peer: Peer | None) -> None:
    assert peer_of(address) == peer


def _findings(**sections: Any) -> list[str]:
    tree = dict(render([policy()], Platform.model_validate(sections)))
    (network,) = lint(tree, only="network")
    return [str(finding) for finding in network.found]


def test_a_named_peer_wins_over_its_address() -> None:
    place = {"namespace": "ml", "labels": {"app": "mlflow"}, "port": 5001}
    platform = Platform.model_validate({"services": {"registry": "http://mlflow.mlops:5000"}, "peers": {"registry": place}})
    assert reached(platform).registry == Peer.model_validate(place)


def test_the_openings_follow_the_addresses() -> None:
    assert _findings(services={"registry": "http://mlflow.mlops:5000", "pushgateway": "http://10.1.2.3:9091"}) == []


def test_lint_is_red_where_no_opening_leads_to_an_address() -> None:
    outside = _findings(services={"registry": "https://mlflow.example.com"})
    assert len(outside) == 1
    assert "does not lead to https://mlflow.example.com (MLFLOW_TRACKING_URI)" in outside[0]
    wrong = _findings(services={"registry": "http://mlflow.mlops:5000"}, peers={"registry": {"namespace": "other", "port": 5000}})
    assert "http://mlflow.mlops:5000" in wrong[0]


def test_what_is_told_of_heals_leaves_the_cluster_only_where_the_platform_says_so() -> None:
    silent = "".join(render([policy()], Platform()).values())
    assert not [
        name
        for name in ("MODELMEDIC_EVENTS_SINK", "MODELMEDIC_OTLP", "MODELMEDIC_OPENLINEAGE", "recording-to-events", "closing-to-")
        if name in silent
    ]
    assert _findings(services={"events": "http://broker-ingress.knative-eventing/ml/default", "otlp": "http://otel.tracing:4318"}) == []
    assert _findings(services={"openlineage": "http://marquez.lineage:5000"}) == []


@pytest.mark.parametrize(
    ("service", "variable"), [("events", "MODELMEDIC_EVENTS_SINK"), ("otlp", "MODELMEDIC_OTLP"), ("openlineage", "MODELMEDIC_OPENLINEAGE")]
)
def test_a_receiver_outside_of_the_cluster_needs_its_peer(service: str, variable: str) -> None:
    (outside,) = _findings(services={service: "https://events.example.com/in"})
    assert f"does not lead to https://events.example.com/in ({variable})" in outside
    assert _findings(services={service: "https://events.example.com/in"}, peers={service: {"cidr": "192.0.2.7/32", "port": 443}}) == []


def test_the_example_of_the_docs_is_clean(tmp_path: Path) -> None:
    found = re.search(
        r"```yaml\n(apiVersion: modelmedic.io/v1alpha1\nkind: Platform\nnamespace: ml\n.*?)```",
        (ROOT / "docs/install.md").read_text(),
        re.DOTALL,
    )
    assert found is not None
    (tmp_path / "platform.yaml").write_text(found[1])
    assert read_platform(tmp_path / "platform.yaml").namespace == "ml"
    assert _findings(**yaml.safe_load(found[1])) == []
