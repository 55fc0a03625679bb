"""What a person sees: results on stdout, colours only where a terminal wants them."""

import json
from typing import Any

from rich.console import Console


def out() -> Console:
    """rich turns colours off by itself for NO_COLOR and for what is no terminal."""
    return Console(highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))  # noqa: T201 - stdout belongs to the result
