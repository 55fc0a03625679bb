"""The programs whose word counts more than ours: promtool, amtool, kustomize, argo. One that is
absent is named as skipped.
"""

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from modelmedic.workflows.lint.findings import Finding, Result
from modelmedic.workflows.lint.objects import KUSTOMIZATION

_SECONDS: Final = 120
_PACKAGES: Final = {
    "promtool": "Debian's package prometheus",
    "amtool": "Debian's package prometheus-alertmanager",
    "kustomize": "go install sigs.k8s.io/kustomize/kustomize/v5@v5.7.1, or kubectl",
    "argo": "the release page of Argo Workflows",
}


def tools(folder: Path, tree: Mapping[str, str]) -> list[Result]:
    """Each program over the files of `tree` that are its business; they lie below `folder`."""
    return [
        _each("promtool-rules", "promtool", folder, _named(tree, "rules.yaml"), lambda file: ["promtool", "check", "rules", file]),
        _each("promtool-tests", "promtool", folder, _named(tree, "rules.test.yaml"), lambda file: ["promtool", "test", "rules", file]),
        _each("amtool", "amtool", folder, _named(tree, "alertmanager.yaml"), lambda file: ["amtool", "check-config", file]),
        _kustomize(folder, tree),
        _each("argo-lint", "argo", folder, _argo_files(tree), lambda file: ["argo", "lint", "--offline", "--no-color", file]),
    ]


def built_by_kustomize(folder: Path) -> tuple[str | None, str]:
    """What `kustomize build` writes, or None and why it could not."""
    program = next((each for each in (["kustomize", "build"], ["kubectl", "kustomize"]) if shutil.which(each[0])), None)
    if program is None:
        return None, f"kustomize is not installed ({_PACKAGES['kustomize']})"
    done = subprocess.run([*program, str(folder)], capture_output=True, text=True, timeout=_SECONDS, check=False)
    return (done.stdout, "") if done.returncode == 0 else (None, "kustomize refuses it")


def _named(tree: Mapping[str, str], name: str) -> list[str]:
    return [file for file in tree if file.rpartition("/")[2] == name and "plain/" in file]


def _argo_files(tree: Mapping[str, str]) -> list[str]:
    return [file for file, text in tree.items() if "kind: WorkflowTemplate\n" in text or "kind: CronWorkflow\n" in text]


def _kustomize(folder: Path, tree: Mapping[str, str]) -> Result:
    """Every kustomization by itself, overlays among them."""
    files = [file for file in tree if file.rpartition("/")[2] in KUSTOMIZATION and "kind: Component\n" not in tree[file]]
    if shutil.which("kustomize"):
        return _each("kustomize", "kustomize", folder, files, lambda file: ["kustomize", "build", str(Path(file).parent)])
    return _each("kustomize", "kubectl", folder, files, lambda file: ["kubectl", "kustomize", str(Path(file).parent)])


def _each(check: str, program: str, folder: Path, files: list[str], command: Callable[[str], list[str]]) -> Result:
    if shutil.which(program) is None:
        return Result(check, 0, skipped=f"{program} is not installed ({_PACKAGES.get(check, _PACKAGES.get(program, program))})")
    findings = []
    for file in files:
        sentence = _said(command(file), folder)
        if sentence:
            findings.append(Finding(file, check, sentence))
    return Result(check, len(files), tuple(findings))


def _said(command: list[str], folder: Path) -> str:
    """What the program complained of, or nothing."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"{command[0]} took longer than {_SECONDS} s"
    if done.returncode == 0:
        return ""
    lines = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    return "; ".join(lines[-5:]) or f"{command[0]} ended with exit code {done.returncode}"
