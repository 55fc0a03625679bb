"""The options that say what is rendered: policies in their layers, the platform, the images."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from modelmedic.steps.contracts.policy import Policy
    from modelmedic.workflows.inputs.platform import Platform

_FILE = click.Path(path_type=Path)
_OPTIONS = (
    click.argument("files", metavar="POLICY...", type=_FILE, nargs=-1, required=True),
    click.option("--defaults", "below", type=_FILE, multiple=True, help="Org-wide defaults under the policies; may be repeated."),
    click.option("--overlay", "above", type=_FILE, multiple=True, help="An environment's values over the policies; may be repeated."),
    click.option("--platform", type=_FILE, help="The platform file, which describes the cluster; every value has a default."),
    click.option(
        "--images", metavar="FILE|env", help="Images by step class: a file of lines name=image, or `env` for MODELMEDIC_IMAGE_<NAME>."
    ),
)


def policy_sources(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def sources_of(options: dict[str, Any]) -> "tuple[list[Policy], Platform]":
    """The policies, in which every fault of every file was looked for, and the platform."""
    from modelmedic.steps.adapters.policy.file import load_policies
    from modelmedic.workflows.inputs.images import read_images
    from modelmedic.workflows.inputs.platform import read_platform

    policies = load_policies(options["files"], options["below"], options["above"])
    return policies, read_platform(options["platform"], read_images(options["images"]))
