"""Scratch folders, and their removal whatever a user's code has left in them."""

import contextlib
import os
import tempfile
import time
import uuid
from collections import deque
from collections.abc import Iterator
from pathlib import Path

_ABANDONED_AFTER = 24 * 3600.0  # seconds


def fresh_folder(folder: Path) -> Path:
    """An empty folder, without what a killed run left there."""
    remove(folder)
    folder.mkdir(parents=True)
    return folder


@contextlib.contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """An empty folder below `parent` that no other process has, gone after the block; for work that
    several processes may do at once. What a killed one left goes after a day.
    """
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.iterdir():
        with contextlib.suppress(OSError):  # another process removes it as well
            if time.time() - left.stat().st_mtime > _ABANDONED_AFTER:
                remove(left)
    folder = Path(tempfile.mkdtemp(dir=parent))
    try:
        yield folder
    finally:
        remove(folder)


def remove(folder: Path) -> None:
    """Remove the folder with everything below it, at any depth and with any permissions; links are
    removed, not followed.
    """
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink(missing_ok=True)
        return
    waiting = deque([folder])
    while waiting:
        each = waiting.popleft()
        _emptied(each, folder, waiting)
        if each != folder:
            each.rmdir()
    folder.rmdir()


def _emptied(each: Path, folder: Path, waiting: deque[Path]) -> None:
    """Remove the files, and move the folders up to `folder`, so that no path ever grows too long
    and nothing recurses.
    """
    each.chmod(0o700)
    with os.scandir(each) as entries:
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                Path(entry.path).unlink()
                continue
            Path(entry.path).chmod(0o700)  # a folder that cannot be written cannot be moved either
            waiting.append(Path(entry.path).rename(folder / uuid.uuid4().hex) if each != folder else Path(entry.path))
