"""The images that steps run in: read from a file of `name=image` lines, or from the environment."""

import os
from pathlib import Path
from typing import Final

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.stage import Image

NAMES: Final = tuple(image.value for image in Image)


def read_images(source: str | None) -> dict[str, str]:
    """`env` reads MODELMEDIC_IMAGE_STEPS and the like; anything else is a file of lines such as
    `steps=repo/steps@sha256:…`.
    """
    if source is None:
        return {}
    if source == "env":
        stated = {name: os.environ.get(f"MODELMEDIC_IMAGE_{name.upper()}", "") for name in NAMES}
        return {name: image for name, image in stated.items() if image}
    try:
        lines = Path(source).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BadInput(f"images file {source} cannot be read: {error.strerror}") from error
    return dict(_pair(source, number, line) for number, line in enumerate(lines, 1) if line.strip() and not line.startswith("#"))


def _pair(source: str, number: int, line: str) -> tuple[str, str]:
    name, equals, image = line.strip().partition("=")
    if not equals or name not in NAMES:
        raise BadInput(f"images file has {line[:80]!r} ({source}:{number}); expected one of {', '.join(NAMES)}, then = and an image")
    return name, image
