"""Questions to a cluster through kubectl, which knows every way to log in to one."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any, Final

_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Kubectl:
    """`None` is the answer to everything that is not there or may not be seen."""

    context: str | None = None

    @property
    def installed(self) -> bool:
        return shutil.which("kubectl") is not None

    def get(self, *what: str, namespace: str | None = None) -> Any:
        """The object, or a List."""
        place = ["-n", namespace] if namespace else []
        return self._json("get", *what, *place, "-o", "json")

    def version(self) -> str | None:
        """The API server's, such as v1.34.1."""
        said = self._json("version", "-o", "json")
        found = (said or {}).get("serverVersion", {}).get("gitVersion")
        return str(found) if found else None

    def may(self, verb: str, resource: str, *, namespace: str, account: str) -> bool | None:
        """Whether a ServiceAccount of the namespace may do it; None when that cannot be asked."""
        who = f"--as=system:serviceaccount:{namespace}:{account}"
        done = self._run("auth", "can-i", verb, resource, who, "-n", namespace)
        said = done.stdout.strip() if done else ""
        return {"yes": True, "no": False}.get(said)

    def _json(self, *arguments: str) -> Any:
        done = self._run(*arguments)
        if done is None or done.returncode != 0:
            return None
        try:
            return json.loads(done.stdout)
        except ValueError:
            return None

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str] | None:
        command = ["kubectl", *([f"--context={self.context}"] if self.context else []), "--request-timeout=10s", *arguments]
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
