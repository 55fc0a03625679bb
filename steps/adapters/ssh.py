"""Signatures by SSH keys, made and verified by OpenSSH's own program, `ssh-keygen -Y`."""

import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Final

from modelmedic.steps.contracts.errors import BadInput, Transient

_PROGRAM: Final = "ssh-keygen"
_SIGNING: Final = 120  # seconds: a person types a passphrase, or touches a security key
_VERIFYING: Final = 20
_ANYBODY: Final = "signer"  # the one principal of the file of keys, because a person's name may look like a pattern


def sign(document: bytes, key: Path, namespace: str) -> str:
    """The signature of the document by the private key, or by the agent's where the file is the
    public one. Raises BadInput when the key cannot be used.
    """
    if not key.is_file():
        raise BadInput(f"key {key} is no file; expected a private SSH key, such as ~/.ssh/id_ed25519")
    done = _run(["-Y", "sign", "-q", "-f", str(key), "-n", namespace], document, _SIGNING)
    if done.returncode:
        raise BadInput(f"key {key} cannot sign ({_last(done.stderr)}); expected a private SSH key, or the public one of a key in the agent")
    return done.stdout.decode("ascii", "replace")


@lru_cache(maxsize=1024)
def holds(document: bytes, signature: str, key: str, namespace: str) -> bool:
    """True when the signature is of exactly this document, by this public key, for this namespace.

    Raises BadInput where the program is missing: nothing can be told then.
    """
    with tempfile.TemporaryDirectory(prefix="modelmedic-proof-") as folder:
        signed, signers = Path(folder, "signature"), Path(folder, "signers")
        signed.write_text(signature)
        signers.write_text(f'{_ANYBODY} namespaces="{namespace}" {key}\n')
        told = ["-Y", "verify", "-f", str(signers), "-I", _ANYBODY, "-n", namespace, "-s", str(signed)]
        return _run(told, document, _VERIFYING).returncode == 0


def _run(told: list[str], document: bytes, seconds: int) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run([_PROGRAM, *told], input=document, capture_output=True, timeout=seconds, check=False)
    except FileNotFoundError:
        raise BadInput(f"{_PROGRAM} is not installed; expected OpenSSH's client, by which approvals are signed and verified") from None
    except subprocess.TimeoutExpired:
        raise Transient(f"{_PROGRAM} had not ended after {seconds} s; expected it to ask for a passphrase or a touch, or to end") from None


def _last(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip()[:200] if lines else "no reason given"
