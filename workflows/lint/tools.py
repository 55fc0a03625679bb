"""Checks by other programs: promtool, amtool, kustomize and argo. One that is absent is named as
skipped.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from modelmedic.workflows.lint.findings import CheckResult, Finding
from modelmedic.workflows.lint.objects import KUSTOMIZATION

OVERLAYS: Final = "k8s/overlays/"
_SECONDS: Final = 120
_PACKAGES: Final = {
    "promtool": "Debian's package prometheus",
    "amtool": "Debian's package prometheus-alertmanager",
    "kustomize": "go install sigs.k8s.io/kustomize/kustomize/v5@v5.7.1, or kubectl",
    "argo": "the release page of Argo Workflows",
}


@dataclass(frozen=True, slots=True)
class ProgramOutput:
    """The end of one run: the text on stdout, and the last lines of a program that failed."""

    text: str
    complaint: str


class Tools:
    """The programs over the files that are their business, side by side and beside the checks in
    Python: all are started when this is entered.
    """

    def __init__(self, folder: Path, tree: Mapping[str, str]) -> None:
        """The files of `tree` lie below `folder`."""
        self._folder, self._tree = folder, tree
        self._pool = ThreadPoolExecutor(os.cpu_count() or 2)
        self._builder = next((each for each in (["kustomize", "build"], ["kubectl", "kustomize"]) if shutil.which(each[0])), None)
        self._builds: dict[str, Future[ProgramOutput]] = {}
        self._checks: list[Callable[[], CheckResult]] = []

    def __enter__(self) -> Self:
        rules, tests = self._named("rules.yaml"), self._named("rules.test.yaml")
        tested = self._each("promtool-tests", "promtool", tests, lambda file: ["promtool", "test", "rules", file])  # the slowest of all
        files = sorted(_kustomizations(self._tree), key=lambda file: (not file.startswith(OVERLAYS), file))
        if self._builder:
            self._builds = {file: self._start([*self._builder, str(Path(file).parent)]) for file in files}
        self._checks = [
            self._each("promtool-rules", "promtool", rules, lambda file: ["promtool", "check", "rules", file]),
            tested,
            self._each("amtool", "amtool", self._named("alertmanager.yaml"), lambda file: ["amtool", "check-config", file]),
            self._kustomize,
            self._each("argo-lint", "argo", _argo_files(self._tree), lambda file: ["argo", "lint", "--offline", "--no-color", file]),
        ]
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        self._pool.shutdown(cancel_futures=error is not None)

    def overlays(self) -> list[str]:
        """The kustomizations of overlays, by their file."""
        return [file for file in _kustomizations(self._tree) if file.startswith(OVERLAYS)]

    def built(self, file: str) -> tuple[str | None, str]:
        """The objects that one kustomization puts together, or None and why there are none."""
        if not self._builder:
            return None, _absent("kustomize")
        output = self._builds[file].result()
        return (None, "kustomize refuses it") if output.complaint else (output.text, "")

    def results(self) -> list[CheckResult]:
        """The outcome of each program, when all have ended."""
        return [check() for check in self._checks]

    def _kustomize(self) -> CheckResult:
        """Every kustomization by itself, overlays among them."""
        if not self._builder:
            return CheckResult("kustomize", 0, skipped=_absent("kustomize"))
        return _outcome("kustomize", self._builds)

    def _each(self, check: str, program: str, files: list[str], command: Callable[[str], list[str]]) -> Callable[[], CheckResult]:
        if shutil.which(program) is None:
            return lambda: CheckResult(check, 0, skipped=_absent(program))
        runs = {file: self._start(command(file)) for file in files}
        return lambda: _outcome(check, runs)

    def _start(self, command: list[str]) -> Future[ProgramOutput]:
        return self._pool.submit(_output, command, self._folder)

    def _named(self, name: str) -> list[str]:
        return [file for file in self._tree if file.rpartition("/")[2] == name and "plain/" in file]


def _kustomizations(tree: Mapping[str, str]) -> list[str]:
    return [file for file in tree if file.rpartition("/")[2] in KUSTOMIZATION and "kind: Component\n" not in tree[file]]


def _argo_files(tree: Mapping[str, str]) -> list[str]:
    return [file for file, text in tree.items() if "kind: WorkflowTemplate\n" in text or "kind: CronWorkflow\n" in text]


def _absent(program: str) -> str:
    return f"{program} is not installed ({_PACKAGES[program]})"


def _outcome(check: str, runs: Mapping[str, Future[ProgramOutput]]) -> CheckResult:
    complaints = {file: run.result().complaint for file, run in runs.items()}
    return CheckResult(check, len(runs), tuple(Finding(file, check, complaint) for file, complaint in complaints.items() if complaint))


def _output(command: list[str], folder: Path) -> ProgramOutput:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return ProgramOutput("", f"{command[0]} took longer than {_SECONDS} s")
    if done.returncode == 0:
        return ProgramOutput(done.stdout, "")
    lines = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    return ProgramOutput(done.stdout, "; ".join(lines[-5:]) or f"{command[0]} ended with exit code {done.returncode}")
