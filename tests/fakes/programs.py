"""Real programs from Debian's packages on free loopback ports, each ended by its own process."""

import os
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tenacity

PROMETHEUS, PROMTOOL, AMTOOL = (shutil.which(name) for name in ("prometheus", "promtool", "amtool"))
PUSHGATEWAY = shutil.which("prometheus-pushgateway") or shutil.which("pushgateway")
ALERTMANAGER = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(binary: str, *arguments: str) -> Iterator[str]:
    """The address of a program that takes `--web.listen-address` and answers at /-/ready."""
    address = f"127.0.0.1:{free_port()}"
    command = [binary, *arguments, f"--web.listen-address={address}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={"PATH": os.environ["PATH"]})
    try:
        _wait_until_ready(f"http://{address}")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(timeout=10)


@contextmanager
def pushgateway() -> Iterator[str]:
    assert PUSHGATEWAY
    with serving(PUSHGATEWAY) as url:
        yield url


@contextmanager
def alertmanager(config: Path) -> Iterator[str]:
    """An Alertmanager in no cluster of them, which keeps its data beside its configuration."""
    assert ALERTMANAGER
    arguments = (f"--config.file={config}", f"--storage.path={config.parent / 'data'}", "--cluster.listen-address=")
    with serving(ALERTMANAGER, *arguments) as url:
        yield url


@contextmanager
def prometheus(data: Path, settings: str = "global: {}\n") -> Iterator[str]:
    """A Prometheus that answers from `data`, and scrapes what its `settings` say: nothing; it never
    drops what is old.
    """
    assert PROMETHEUS
    config = data.parent / "prometheus.yml"
    config.parent.mkdir(exist_ok=True)
    config.write_text(settings)
    arguments = (f"--config.file={config}", f"--storage.tsdb.path={data}", "--storage.tsdb.retention.time=100y")
    with serving(PROMETHEUS, *arguments) as url:
        yield url


def asked(binary: str | None, *arguments: str | Path, folder: Path | None = None) -> str:
    """Output of a tool that has to succeed."""
    assert binary
    done = subprocess.run([binary, *map(str, arguments)], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def missing(*binaries: str | None) -> bool:
    return None in binaries


@tenacity.retry(wait=tenacity.wait_fixed(0.1), stop=tenacity.stop_after_delay(20), reraise=True)
def _wait_until_ready(url: str) -> None:
    with urllib.request.urlopen(f"{url}/-/ready", timeout=1):
        return
