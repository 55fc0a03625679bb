"""The documents say what is rendered, what the commands take, and what is there to be linked to."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from modelmedic.steps.contracts import errors
from modelmedic.workflows.cli import main
from modelmedic.workflows.cluster.store_access import ACCESS
from modelmedic.workflows.inputs.platform import Images, Links, Peers, Platform, Services
from modelmedic.workflows.monitoring.alert_rules import ALERTS
from modelmedic.workflows.render.render import render
from tests.render.policies import policy

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.glob("*.md"), *DOCS.glob("runbooks/*.md")])
_COMMAND = re.compile(r"`modelmedic ([^`\n]+)`|^(?:\$ )?(?:\.venv/bin/)?modelmedic (\S[^\n]*)$", re.MULTILINE)
_LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)")


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
    for name in set(Peers.model_fields) - set(Services.model_fields):
        assert f"peers.{name}" in text, name


def test_the_install_page_names_every_folder_of_the_tree() -> None:
    text = (DOCS / "install.md").read_text()
    folders = {
        path.split("/generated/")[1].split("/")[0]
        for path in render([policy()], Platform())
        if "/generated/" in path and path.count("/") > 3
    }
    for folder in folders:
        assert folder in text, folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_that_a_page_names_is_there_and_takes_what_is_said(page: Path) -> None:
    faults = [fault for line in _commands(page.read_text()) if (fault := _fault(line))]
    assert faults == []


def test_a_wrong_command_in_a_page_is_seen() -> None:
    assert _fault("unfreeze MODEL") == "unfreeze MODEL: there is no unfreeze"
    assert _fault("audit MODEL") == "audit MODEL: there is no MODEL"
    assert _fault("freeze MODEL --for 3d") == "freeze MODEL --for 3d: there is no --for"
    assert _fault("submit heal MODEL INCIDENT") == "submit heal MODEL INCIDENT: takes 2 at most"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_inside_leads_somewhere(page: Path) -> None:
    for path, anchor in _LINK.findall(page.read_text()):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^a-z0-9 -]", "", each.lower()).replace(" ", "-") for each in headings}, anchor


def test_there_is_a_runbook_for_each_alert_and_none_beside() -> None:
    assert {page.stem for page in (DOCS / "runbooks").iterdir()} == {alert.name for alert in ALERTS}


def test_the_operations_page_explains_every_exit_code() -> None:
    table = (DOCS / "operations.md").read_text().split("## When a step fails")[1].split("\n\n")[1]
    listed = {int(row.split("|")[1]) for row in table.splitlines()[2:]}
    ours = {each.exit_code for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.ModelmedicError)}
    assert listed == {0, 1, 2} | ours


def test_the_quickstart_names_every_variable_that_the_demo_reads() -> None:
    code = "".join(file.read_text() for file in (ROOT / "examples" / "cluster").glob("*.py"))
    text = (DOCS / "quickstart.md").read_text()
    for name in re.findall(r'environ\.get\("(\w+)"', code):
        assert f"`{name}`" in text, name


def test_the_compatibility_page_names_the_versions_that_the_quickstart_pulls() -> None:
    text = (DOCS / "compatibility.md").read_text().split("## Not run")[1]
    pulled = {
        image.rpartition(":")[2]
        for file in (ROOT / "k8s" / "overlays" / "quickstart").glob("*.yaml")
        for image in re.findall(r"image: (\S+)", file.read_text())
        if not image.startswith("modelmedic/")
    }
    assert pulled
    for tag in pulled:
        assert f" {'.'.join(tag.removeprefix('v').split('.')[:2])}" in text, tag


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_builds_the_images_that_manifests_name() -> None:
    built = [line.split() for line in _made("images", "BUILD=echo", "TAG=0.1.0", "REGISTRY=") if line.startswith("-t ")]
    assert {words[1] for words in built} == {image.default for image in Images.model_fields.values()}
    assert {Path(words[3]) for words in built} == {Path("containers") / file.name for file in (ROOT / "containers").glob("*.Dockerfile")}
    assert {words[4] for words in built} == {"."}


@pytest.mark.skipif(not (ROOT / ".git").exists() or shutil.which("git") is None, reason="not a git checkout")
def test_the_tag_of_the_images_is_a_hash_of_their_sources_alone(tmp_path: Path) -> None:
    for name in (
        "Makefile",
        "modelmedic/__init__.py",
        "steps/__main__.py",
        "containers/steps.Dockerfile",
        "requirements/steps.txt",
        "pyproject.toml",
        "README.md",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True, timeout=30)
    first = _made("image-tag", at=tmp_path)
    (tmp_path / "README.md").write_text("Other words.\n")
    assert _made("image-tag", at=tmp_path) == first
    (tmp_path / "steps" / "__main__.py").write_text("pass\n")
    assert _made("image-tag", at=tmp_path) != first
    assert re.fullmatch(r"[0-9a-f]{12}", first[0])
    status = subprocess.run(["git", "count-objects"], cwd=tmp_path, check=True, timeout=30, capture_output=True, text=True)
    assert status.stdout.startswith("0 objects")


def _made(*arguments: str, at: Path = ROOT) -> list[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "GIT_"))}
    done = subprocess.run(["make", "-s", *arguments], cwd=at, env=clean, check=True, timeout=60, capture_output=True, text=True)
    return done.stdout.splitlines()


def _commands(text: str) -> Iterator[str]:
    for inline, block in _COMMAND.findall(text):
        yield (inline or block).strip()


def _fault(line: str) -> str | None:
    """The parts of this command line that today's program does not know; a `…` stands for
    anything.
    """
    words = [word for word in shlex.split(line, comments=True) if word not in ("…", "\\")]
    command: click.Command = main
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0])
        if found is None:
            return f"{line}: there is no {words[0]}"
        command, words = found, words[1:]
    options = {name: each for each in command.params if isinstance(each, click.Option) for name in each.opts}
    given = 0
    while words:
        name, equals, _ = words.pop(0).partition("=")
        if not name.startswith("-"):
            given += 1
        elif name not in options:
            return f"{line}: there is no {name}"
        elif not options[name].is_flag and not equals and words:
            words.pop(0)
    counts = [each.nargs for each in command.params if isinstance(each, click.Argument)]
    most = 99 if -1 in counts else sum(counts)
    return f"{line}: takes {most} at most" if given > most else None
