"""The options by which a person proves an answer: a key that signs it now, or a signature that was
made elsewhere.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from modelmedic.steps.approval.proof import Givers, Sign

key_option = click.option(
    "--key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Sign with this SSH key (approval.signers): a private key, or the public one of a key in the agent.",
)
signature_option = click.option(
    "--signature",
    type=click.Path(path_type=Path),
    metavar="FILE.sig",
    help="The signature of FILE, the document that --document wrote.",
)
document_option = click.option(
    "--document", type=click.File("wb", lazy=True), help="Write the document to be signed elsewhere, - for stdout; give no answer."
)


@dataclass(frozen=True, slots=True)
class Proof:
    """A signature to be made; with `at` and `reason` where it was made of a document before, and
    with `by` and `givers` where the cluster says who gives it.
    """

    sign: "Sign"
    at: datetime | None = None
    reason: str = ""
    by: str = ""
    givers: "Givers | None" = None


def proof_of(key: Path | None, signature: Path | None = None) -> Proof:
    """Raises BadInput for a signature without its document, or files that cannot be read."""
    from modelmedic.steps.approval.proof import unsigned

    if key is not None and signature is not None:
        raise click.UsageError("--key and --signature exclude each other: sign here, or elsewhere")
    if signature is not None:
        return _made_elsewhere(signature)
    return Proof(_by(key) if key is not None else unsigned)


def _by(key: Path) -> Callable[[bytes], str]:
    from modelmedic.steps.adapters.ssh import sign
    from modelmedic.steps.core.decision.proof import NAMESPACE

    return partial(sign, key=key.expanduser(), namespace=NAMESPACE)


def _made_elsewhere(file: Path) -> Proof:
    import json

    from modelmedic.steps.contracts.errors import BadInput

    source = file.with_suffix("")
    expected = f"expected FILE.sig as `ssh-keygen -Y sign` leaves it beside FILE, the document that --document wrote (here {source})"
    try:
        data, made = source.read_bytes(), file.read_text(encoding="ascii")
        said = json.loads(data)
        at, reason = datetime.fromisoformat(str(said["at"]).replace("Z", "+00:00")), str(said["reason"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadInput(f"signature {file} cannot be used ({type(error).__name__}: {error}); {expected}") from error
    if file.suffix != ".sig" or at.tzinfo is None:
        raise BadInput(f"signature {file} cannot be used; {expected}")
    return Proof(partial(_of_the_same, data, made, source), at, reason)


def _of_the_same(signed: bytes, made: str, source: Path, wanted: bytes) -> str:
    """The signature that was made. Raises Refused unless its document is the answer that is given
    now.
    """
    import json

    from modelmedic.steps.contracts.errors import Refused

    if signed != wanted:
        then, now = json.loads(signed), json.loads(wanted)
        differs = ", ".join(sorted(name for name in now if then.get(name) != now[name])) or "how it is written"
        raise Refused(f"{source} is not the answer that this command gives ({differs}); expected one that --document wrote for it")
    return made
