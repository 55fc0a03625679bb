"""Rendering is pure: the same tree whatever the order, the same documents with and without a text
template, the same bytes twice.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from modelmedic.steps.contracts.errors import BadPolicy
from modelmedic.workflows.cluster.store_access import ACCESS
from modelmedic.workflows.inputs.images import read_images
from modelmedic.workflows.inputs.platform import Peer, Peers, Platform, Services, read_platform
from modelmedic.workflows.output.tree import BASE, compare, write
from modelmedic.workflows.render.render import render
from tests.render.documents import model_documents
from tests.render.policies import NAMED, policy


def documents(text: str) -> list[Any]:
    return list(yaml.load_all(text, Loader=yaml.CSafeLoader))


@pytest.mark.parametrize("name", NAMED)
def test_a_filled_template_says_what_building_the_documents_says(name: str) -> None:
    chosen, platform = policy(name), Platform()
    tree = render([chosen], platform)
    for file, built in model_documents(chosen, platform).items():
        assert documents(tree[f"{BASE}/models/{chosen.name}/{file}"]) == built


def test_the_order_of_the_policies_changes_no_byte() -> None:
    several = [policy(metadata={"name": name, "owner": "growth"}) for name in ("churn", "fraud", "basket")]
    assert render(several, Platform()) == render(several[::-1], Platform())


def test_a_second_render_writes_nothing(tmp_path: Path) -> None:
    tree = render([policy()], Platform())
    assert len(write(tree, tmp_path).added) == len(tree)
    again = write(render([policy()], Platform()), tmp_path)
    assert again.empty
    assert again.unchanged == len(tree)


def test_what_is_no_longer_rendered_goes_and_nothing_else_does(tmp_path: Path) -> None:
    write(render([policy(), policy(metadata={"name": "fraud", "owner": "risk"})], Platform()), tmp_path)
    own = tmp_path / BASE / "models" / "notes.txt"
    own.write_text("mine")
    removed = write(render([policy()], Platform()), tmp_path).removed
    assert {Path(path).parent.name for path in removed} == {"fraud"}
    assert not (tmp_path / BASE / "models" / "fraud").exists()
    assert own.read_text() == "mine"


def test_the_list_of_files_cannot_name_a_file_elsewhere(tmp_path: Path) -> None:
    tree = render([policy()], Platform())
    write(tree, tmp_path)
    (tmp_path / "precious").write_text("mine")
    listed = tmp_path / BASE / "FILES"
    listed.write_text(f"{listed.read_text()}precious\n{BASE}/../../../precious\n")
    assert compare(tree, tmp_path).removed == ()


def test_a_policy_change_changes_its_config_map_and_leaves_the_old_one_unnamed() -> None:
    before, after = (render([policy(detect={"window": window})], Platform()) for window in ("7d", "8d"))
    names = [documents(tree[f"{BASE}/models/churn/policy.yaml"])[0]["metadata"]["name"] for tree in (before, after)]
    assert names[0] != names[1]
    assert names[0] not in "".join(after.values())
    assert all(documents(tree[f"{BASE}/models/churn/policy.yaml"])[0]["immutable"] for tree in (before, after))


def test_the_policy_in_the_config_map_reads_back_as_the_same_policy(tmp_path: Path) -> None:
    from modelmedic.steps.adapters.policy.file import load_policy

    for name in NAMED:
        chosen = policy(name)
        (built,) = model_documents(chosen, Platform())["policy.yaml"]
        file = tmp_path / f"{name}.yaml"
        file.write_text(built["data"]["policy.yaml"])
        assert load_policy(file).hash == chosen.hash


def test_images_come_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = "sha256:" + "a" * 64
    (tmp_path / "images").write_text(f"# built today\nsteps=registry:5000/mm/steps@{digest}\n")
    platform = read_platform(None, read_images(str(tmp_path / "images")))
    assert f"registry:5000/mm/steps@{digest}" in render([policy()], platform)[f"{BASE}/models/churn/heal.yaml"]
    monkeypatch.setenv("MODELMEDIC_IMAGE_TRAIN", "localhost/mm-train:7")
    assert read_images("env") == {"train": "localhost/mm-train:7"}


@pytest.mark.parametrize("image", ["steps", "steps:", "a b:1", "steps:1; rm -rf", "{{x}}:1", "UPPER/x:1", "x@sha256:12"])
def test_an_image_without_a_tag_or_digest_is_refused(image: str) -> None:
    with pytest.raises(BadPolicy, match=r"images\.steps"):
        read_platform(None, {"steps": image})


def test_a_resolver_that_is_no_pod_is_reached_beside_those_that_are() -> None:
    """A node-local cache has the node's network: a selector of pods never matches it, and no name
    resolves.
    """
    openings = {}
    for dns in (Peer(port=53), Peer(cidr="169.254.20.10/32", port=53)):
        rendered = render([policy()], Platform(peers=Peers(dns=dns)))[f"{BASE}/platform/network.yaml"]
        allowed = next(each for each in documents(rendered) if each["metadata"]["name"] == "modelmedic-allow-dns")
        openings[dns.cidr] = allowed["spec"]["egress"][0]["to"]
    assert openings[None] == [{"namespaceSelector": {}}]
    assert openings["169.254.20.10/32"] == [{"ipBlock": {"cidr": "169.254.20.10/32"}}, {"namespaceSelector": {}}]


def test_every_step_class_that_tells_people_reaches_who_is_told() -> None:
    """A question that a class could not send would wait for an answer of people who never heard
    it.
    """
    outside = (Peer(cidr="10.1.2.3/32", port=587), Peer(namespace="proxy", labels={"app": "squid"}, port=3128))
    rendered = documents(render([policy()], Platform(peers=Peers(receivers=outside)))[f"{BASE}/platform/network.yaml"])
    opened = {each["metadata"]["name"]: each["spec"] for each in rendered}
    telling = {name for name, access in ACCESS.items() if "notifications/" in access.writes}
    for name in ("modelmedic-steps-to-alertmanager", "modelmedic-steps-to-receivers"):
        assert telling <= set(opened[name]["podSelector"]["matchExpressions"][0]["values"])
    assert [rule["ports"][0]["port"] for rule in opened["modelmedic-steps-to-receivers"]["egress"]] == [587, 3128]


def test_training_code_is_given_no_receivers_address() -> None:
    tree = render([policy()], Platform())
    heal = next(documents(text)[0] for path, text in tree.items() if path.endswith("/heal.yaml"))
    mounted = {
        each["metadata"]["labels"]["modelmedic.io/step-class"]
        for each in heal["spec"]["templates"]
        if "modelmedic-notify" in {volume.get("secret", {}).get("secretName") for volume in each.get("volumes", ())}
    }
    assert mounted == {"observe", "validate", "deploy"}


def test_the_artifact_repository_is_named_so_that_another_namespace_finds_it() -> None:
    """Argo's server reads incident reports from its own namespace."""
    for endpoint, expected in (
        ("http://object-store:9000", "object-store.modelmedic.svc:9000"),
        ("https://s3.example.com", "s3.example.com"),
        ("http://minio", "minio.modelmedic.svc"),
    ):
        rendered = render([policy()], Platform(services=Services(storeEndpoint=endpoint)))[f"{BASE}/platform/config.yaml"]
        repository = next(each for each in documents(rendered) if each["metadata"]["name"] == "modelmedic-artifacts")
        assert yaml.safe_load(repository["data"]["modelmedic"])["s3"]["endpoint"] == expected
