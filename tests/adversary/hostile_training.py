"""Training functions that do harm on purpose; each is bounded in time, memory and disk by itself,
so that it does little even where it succeeds.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

_LONG: Final = 25.0  # seconds after which whatever was started ends by itself
_SLEEP: Final = [sys.executable, "-S", "-c", f"import time; time.sleep({_LONG})"]


def out() -> Path:
    return Path(os.environ["HOME"]).parent


def report() -> Path:
    return out() / "report.json"


def left(pid: int) -> None:
    """Tell the attack of a process that should not survive."""
    with (out() / "home" / "left").open("a") as file:
        file.write(f"{pid}\n")


def leave() -> NoReturn:
    os._exit(0)


def _pipe(place: Path) -> None:
    os.mkfifo(place)


def _link(target: str) -> Callable[[Path], None]:
    return lambda place: place.symlink_to(target)


def _sparse(size: int) -> Callable[[Path], None]:
    def make(place: Path) -> None:
        with place.open("wb") as file:
            file.truncate(size)

    return make


def _text(text: str) -> Callable[[Path], None]:
    return lambda place: place.write_bytes(text.encode("utf-8", "surrogatepass")) and None


def _folder(place: Path) -> None:
    place.mkdir()


def _unreadable(place: Path) -> None:
    place.write_text("{}")
    place.chmod(0)


_LEFT: Final[dict[str, Callable[[Path], None]]] = {
    "a pipe without a writer": _pipe,
    "a link to endless zeros": _link("/dev/zero"),
    "a link to a terminal": _link("/dev/tty"),
    "a link to itself": _link("report.json"),
    "a link to the parent's environment": lambda place: place.symlink_to(f"/proc/{os.getppid()}/environ"),
    "3 GB of nothing": _sparse(3 << 30),
    "a folder": _folder,
    "a file that cannot be read": _unreadable,
    "100,000 brackets": _text("[" * 100_000),
    "100,000 nested documents": _text('{"error":' * 100_000 + "null" + "}" * 100_000),
    "no UTF-8": lambda place: place.write_bytes(b"\xff\xfe{") and None,
    "nothing": _text(""),
    "a number": _text("7"),
    "a number with 100,000 digits": _text('{"error": ' + "9" * 100_000 + "}"),
    "an error that is a list": _text('{"error": [["a"]]}'),
    "an error of terminal codes": _text(json.dumps({"error": "\x1b[2J\x07 \u202e hidden\n\nERROR modelmedic: all is well"})),
    "an error of a million letters": _text(json.dumps({"error": "a " * 400_000})),
    "half a surrogate": _text('{"error": "\\ud800"}'),
}


def _leaving(make: Callable[[Path], None]) -> Callable[..., Any]:
    def train(frame: Any, policy: Any) -> Any:
        del frame, policy
        make(report())
        leave()

    return train


LEFT: Final = {f"left_{number}": (words, _leaving(make)) for number, (words, make) in enumerate(_LEFT.items())}


def _ml_model(folder: Path) -> None:
    folder.mkdir()
    (folder / "MLmodel").write_text("flavors: {python_function: {loader_module: mlflow.sklearn}}\n")


def _deep(folder: Path) -> None:
    """Deeper than any path can say."""
    _ml_model(folder)
    at = os.open(folder, os.O_RDONLY)
    for _ in range(3_000):
        os.mkdir("a" * 50, dir_fd=at)
        below = os.open("a" * 50, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)


def _many(folder: Path) -> None:
    _ml_model(folder)
    for number in range(20_000):
        (folder / f"f{number}").touch()


def _beside(make: Callable[[Path], None], name: str = "weights.bin") -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        _ml_model(folder)
        make(folder / name)

    return build


def _closed(folder: Path) -> None:
    _ml_model(folder)
    (folder / "inner").mkdir()
    (folder / "inner" / "file").touch()
    (folder / "inner").chmod(0)


_MODELS: Final[dict[str, Callable[[Path], None]]] = {
    "a link to /etc": _link("/etc"),
    "a pipe": _pipe,
    "a folder that lies 3,000 deep": _deep,
    "20,000 files": _many,
    "a pipe in it": _beside(_pipe),
    "a link to a file in it": _beside(_link("/etc/passwd")),
    "a link to a folder in it": _beside(_link("/proc")),
    "a link to endless zeros in it": _beside(_link("/dev/zero")),
    "a name that is no UTF-8": lambda folder: _beside(lambda place: Path(os.fsdecode(os.fsencode(place) + b"\xff")).touch())(folder),
    "a name with terminal codes": _beside(Path.touch, "\x1b[2J"),
    "a hidden name": _beside(Path.touch, ".hidden"),
    "a link for a folder's name": _beside(_link("."), "again"),
    "nothing in it": _folder,
}


def _model(make: Callable[[Path], None]) -> Callable[..., Any]:
    def train(frame: Any, policy: Any) -> Any:
        del frame, policy
        make(out() / "model")
        report().write_text('{"error": null}')
        leave()

    return train


MODELS: Final = {f"model_{number}": (words, _model(make)) for number, (words, make) in enumerate(_MODELS.items())}


def _twice_forked() -> None:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            left(os.getpid())
            os.closerange(0, 3)
            time.sleep(_LONG)
        os._exit(0)
    time.sleep(0.5)


def _own_session() -> None:
    left(subprocess.Popen(_SLEEP, start_new_session=True).pid)


def _deaf() -> None:
    """A process that takes no signal but the one that nobody can refuse."""
    code = f"import signal, time; [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]; time.sleep({_LONG})"
    left(subprocess.Popen([sys.executable, "-S", "-c", code], start_new_session=True).pid)


def _many_processes() -> None:
    for _ in range(100):
        left(subprocess.Popen(["sleep", str(_LONG)], start_new_session=True).pid)


def _chain() -> None:
    """One process after the other, each with its own parent gone."""
    until = time.monotonic() + _LONG
    if os.fork() == 0:
        while time.monotonic() < until:
            if os.fork():
                os._exit(0)
            os.setsid()
            left(os.getpid())
            time.sleep(0.02)
        os._exit(0)
    time.sleep(0.5)


def _hold_the_log() -> None:
    left(subprocess.Popen(_SLEEP, start_new_session=True, stdout=1, stderr=2).pid)


def _flood() -> None:
    for _ in range(3_000):
        os.write(1, b"all work and no play\n" * 3_000)  # 180 MB


_OUTLIVING: Final[dict[str, Callable[[], None]]] = {
    "a double fork with a session of its own": _twice_forked,
    "a session of its own": _own_session,
    "a process that ignores signals": _deaf,
    "a hundred processes": _many_processes,
    "a chain of processes": _chain,
    "a process that holds the log open": _hold_the_log,
    "180 MB for the log": _flood,
}


def _outliving(start: Callable[[], None], end: Callable[[], None]) -> Callable[..., Any]:
    def train(frame: Any, policy: Any) -> Any:
        del frame, policy
        start()
        end()

    return train


def _hang() -> None:
    time.sleep(_LONG)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _combined() -> Iterator[tuple[str, Callable[..., Any]]]:
    for words, start in _OUTLIVING.items():
        for how, end in (("and leaves", leave), ("and hangs", _hang), ("and is killed", _die)):
            yield f"{words}, {how}", _outliving(start, end)


OUTLIVING: Final = {f"outliving_{number}": each for number, each in enumerate(_combined())}

# by their names here, so that `retrain.entrypoint` can name them
globals().update({name: train for name, (_, train) in {**LEFT, **MODELS, **OUTLIVING}.items()})
