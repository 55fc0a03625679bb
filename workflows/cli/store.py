"""The options by which people's commands find the records and name themselves, and the store that
they open.
"""

import difflib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from modelmedic.steps.contracts.places import Places
    from modelmedic.steps.contracts.ports import ObjectStore

_OPTIONS = (
    click.option(
        "--store", "url", metavar="URL", envvar="MODELMEDIC_STORE", help="The store: a folder or s3://bucket/prefix; default <home>/store."
    ),
    click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="The workspace folder; default .modelmedic."),
)
by_option = click.option("--by", help="The person who acts; your login name when left out.")
reason_option = click.option("--reason", default="", help="The reason, in a sentence that is kept in the records.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Name what would be done; change nothing.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")


def store_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def opened(url: str | None, home: Path | None, *, read_only: bool) -> "ObjectStore":
    """The store. Raises BadInput when it holds nothing, because another one must have been
    meant.
    """
    from modelmedic.steps.adapters.store.by_url import open_store
    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.steps.runtime.workspace import Workspace

    url = url or Workspace(home).store_url
    first = next(open_store(url, read_only=True).list(""), None)
    if first is None:
        raise BadInput(f"the store at {url} holds no records; expected the one that heals write to: --store, --home or MODELMEDIC_STORE")
    return open_store(url, read_only=read_only)


def places(url: str | None, home: Path | None) -> "Places":
    """What an incident can be looked at by, in a browser."""
    from modelmedic.steps.runtime.workspace import Workspace

    return Workspace(home, {**os.environ, "MODELMEDIC_STORE": url} if url else os.environ).places


def known_model(store: "ObjectStore", model: str) -> str:
    """The model itself. Raises BadInput unless the store has records of it."""
    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.steps.contracts.keys import model_hash
    from modelmedic.steps.records.known_models import by_hash

    known = by_hash(store)
    if model_hash(model) in known:
        return model
    names = sorted(name for name in known.values() if name)
    near = difflib.get_close_matches(model, names, n=1)
    hint = f"did you mean {near[0]}? (models: {', '.join(names)})" if near else f"the models are {', '.join(names) or 'none'}"
    raise BadInput(f"model {model!r} has no records in this store; {hint}")


def person(by: str | None) -> str:
    """The name of the person who acts. Raises BadInput for a name that no policy could list."""
    from pydantic import TypeAdapter, ValidationError

    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.steps.contracts.policy_types import Who

    name = _login() if by is None else by
    try:
        return TypeAdapter[str](Who).validate_python(name)
    except ValidationError:
        raise BadInput(f"--by is {name!r}; expected a name as a policy lists it: one line without quotes, at most 300 characters") from None


def _login() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
