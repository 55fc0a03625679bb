"""The documents say what is rendered."""

from pathlib import Path

import yaml

from tests.render.policies import policy
from workflows.platform import Images, Links, Peers, Platform, Services
from workflows.render import render
from workflows.store_access import ACCESS

DOCS = Path(__file__).parents[2] / "docs"


def test_the_security_page_lists_every_account_and_no_other() -> None:
    tree = render([policy()], Platform())
    documents = [each for path, text in tree.items() if path.endswith(".yaml") for each in yaml.load_all(text, Loader=yaml.CSafeLoader)]
    accounts = {each["metadata"]["name"] for each in documents if each.get("kind") == "ServiceAccount"}
    text = (DOCS / "security.md").read_text()
    listed = {line.split("`")[1] for line in text.splitlines() if line.startswith("| `modelmedic-")}
    assert listed == accounts


def test_the_security_page_lists_every_class_of_the_store() -> None:
    text = (DOCS / "security.md").read_text().split("## Object store")[1].split("##")[0]
    assert {line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")} - {"class"} == set(ACCESS)


def test_the_install_page_names_every_key_of_the_platform_file() -> None:
    text = (DOCS / "install.md").read_text()
    for model in (Platform, Images, Services, Links):
        for name in model.model_fields:
            assert name in text, name
    assert "peers.<service>" in text
    assert "peers.apiServer" in text
    assert "peers.dns" in text
    assert len(Peers.model_fields) == 7


def test_the_install_page_names_every_folder_of_the_tree() -> None:
    text = (DOCS / "install.md").read_text()
    folders = {
        path.split("/generated/")[1].split("/")[0]
        for path in render([policy()], Platform())
        if "/generated/" in path and path.count("/") > 3
    }
    for folder in folders:
        assert folder in text, folder
