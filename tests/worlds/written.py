"""A policy as a file."""

from pathlib import Path

import yaml

from modelmedic.steps.contracts.policy import Policy


def written(rules: Policy, file: Path) -> Path:
    """Writes what the policy states, without its defaults, and returns the file."""
    file.write_text(yaml.safe_dump(rules.model_dump(mode="json", by_alias=True, exclude_unset=True)))
    return file
