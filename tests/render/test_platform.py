"""The platform file is read as strictly as a policy: each fault is a sentence with its line."""

from pathlib import Path

import pytest

from modelmedic.steps.contracts.errors import BadPolicy
from modelmedic.workflows.inputs.platform import read_platform


def refusal(folder: Path, text: str, images: dict[str, str] | None = None) -> str:
    file = folder / "platform.yaml"
    file.write_text(text)
    with pytest.raises(BadPolicy) as caught:
        read_platform(file, images)
    assert caught.value.exit_code == 78
    said = str(caught.value)
    start, end = f"platform {file} is refused: {file}:", "; docs/install.md lists what is allowed"
    assert said.startswith(start)
    assert said.endswith(end)
    return said.removeprefix(start).removesuffix(end)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("namespace: a\nnamespace: b\n", "2: has the key namespace again (first in line 1); expected each key once"),
        ("bus: no\n", '1: bus says no, which some YAML readers take for a boolean; expected true or false, or quotes: "no"'),
        ("- a\n", "1: is no mapping; expected a mapping that begins with apiVersion and kind"),
        ("\npeers: {dns: {port: 0}}\n", "2: peers.dns.port is 0; expected a whole number from 1 to 65535"),
        ("peers:\n  dns: {}\n", "2: peers.dns.port is missing; expected a whole number from 1 to 65535"),
        ('streamReplicas: "3"\n', '1: streamReplicas is "3"; expected a whole number from 1 to 5'),
        ("ruleLabels: {a b: c}\n", "1: ruleLabels has the key a b; expected a label's key, such as app.kubernetes.io/name"),
        ("ruleLabels: {a: b c}\n", "1: ruleLabels.a is b c; expected a label's value, such as object-store"),
        ("ruleLabels: []\n", "1: ruleLabels is []; expected a mapping from names to texts"),
        ("bus: http://x\n", "1: bus is http://x; expected an address such as nats://nats:4222"),
    ],
)
def test_a_fault_is_named_with_its_line_and_what_is_allowed(tmp_path: Path, text: str, fault: str) -> None:
    assert refusal(tmp_path, text) == fault


def test_an_unknown_key_gets_a_suggestion(tmp_path: Path) -> None:
    assert refusal(tmp_path, "services:\n  regoin: x\n").startswith("2: services.regoin is no key of services; did you mean region?")
    assert refusal(tmp_path, "namespase: ml\n").startswith("1: namespase is no key of a Platform; did you mean namespace?")


def test_all_faults_are_named_in_the_order_of_the_file(tmp_path: Path) -> None:
    first, second = refusal(tmp_path, "bus: x\nstreamReplicas: 9\n").split("; " + str(tmp_path))
    assert first.startswith("1: bus")
    assert "streamReplicas is 9" in second


def test_images_of_the_command_line_are_above_those_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "platform.yaml"
    file.write_text("images: {steps: 'a:1', train: 'b:1'}\n")
    read = read_platform(file, {"steps": "c:2"})
    assert (read.images.steps, read.images.train) == ("c:2", "b:1")


def test_images_that_are_no_mapping_are_a_fault_of_the_file(tmp_path: Path) -> None:
    assert refusal(tmp_path, "images: 3\n", {"steps": "c:2"}).startswith("1: images is 3; expected a mapping with the keys steps")


def test_a_platform_without_anything_is_the_default_one() -> None:
    assert read_platform(None) == read_platform(None, {})
