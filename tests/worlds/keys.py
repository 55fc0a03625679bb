"""SSH keys of made-up people, and what they sign, by the real `ssh-keygen`."""

import subprocess
import tempfile
from functools import cache, partial
from pathlib import Path

from modelmedic.steps.adapters.ssh import sign
from modelmedic.steps.approval.proof import Sign
from modelmedic.steps.core.decision.proof import NAMESPACE


@cache
def _place() -> tempfile.TemporaryDirectory[str]:
    """Gone with the process that made it."""
    return tempfile.TemporaryDirectory(prefix="keys-")


def key_of(name: str, kind: str = "ed25519") -> Path:
    """The file of the person's private key, made once a run; the public one is beside it."""
    file = Path(_place().name, f"{name}-{kind}")
    if not file.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", name, "-f", str(file)], check=True)
    return file


def public(name: str, kind: str = "ed25519") -> str:
    """The public key as a policy lists it."""
    return " ".join(key_of(name, kind).with_suffix(".pub").read_text().split()[:2])


def signers(*names: str) -> list[dict[str, str]]:
    """The section `approval.signers` with a key of each."""
    return [{"name": name, "key": public(name)} for name in names]


def signs(name: str, namespace: str = NAMESPACE) -> Sign:
    """The person's way to sign a document."""
    return partial(sign, key=key_of(name), namespace=namespace)
