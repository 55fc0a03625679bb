"""A policy as a person has it: a file, or one that is read already."""

import os
from collections.abc import Sequence
from pathlib import Path

from modelmedic.steps.adapters.policy.file import load_policies
from modelmedic.steps.contracts.policy import Policy

Given = Policy | str | os.PathLike[str]
Files = Sequence[str | os.PathLike[str]]


def read(given: Given | Sequence[Given], defaults: Files = (), overlays: Files = ()) -> list[Policy]:
    """The policies in their order; files are read over `defaults` and under `overlays`, the later
    wins.

    Raises BadPolicy with every fault of every file.
    """
    wanted = [given] if isinstance(given, Policy | str | os.PathLike) else list(given)
    files = [Path(each) for each in wanted if not isinstance(each, Policy)]
    loaded = iter(load_policies(files, _paths(defaults), _paths(overlays)))
    return [each if isinstance(each, Policy) else next(loaded) for each in wanted]


def _paths(files: Files) -> list[Path]:
    return [Path(file) for file in files]
