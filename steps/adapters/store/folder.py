"""An object store on a local folder, safe between processes and against a kill at any moment.

An object is the plain file `<root>/<key>`. It is written whole to `<root>/.store/tmp` and then
given its name by a hard link (create: the link fails when the name is taken) or a rename (swap,
under a lock), so a reader sees the old bytes or the new ones and never a part. A killed writer
leaves at most a file in `.store/tmp`, which no listing shows.

The tag is the sha256 of the content, as S3's ETag is a hash of it: a swap back to equal bytes gets
the same tag, so a record in which that matters (a lease) carries a number that never repeats.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO

from modelmedic.steps.contracts.codec import sha256
from modelmedic.steps.contracts.errors import BadInput, Conflict, NotFound, StoreError, UnsafeStore
from modelmedic.steps.contracts.keys import check_key, is_key
from modelmedic.steps.contracts.ports import Blob

_OWN = ".store"  # no key may start with a dot
_ABANDONED_AFTER = 24 * 3600.0  # seconds; no write takes that long
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class FolderStore:
    """An ObjectStore under `root`, which is made by the first write. The file system has to have
    hard links and flock.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root).absolute()
        self._clear_abandoned()

    def __str__(self) -> str:
        """The folder, from the current one where it lies below it."""
        here = Path.cwd()
        return str(self.root.relative_to(here) if self.root.is_relative_to(here) else self.root)

    def get(self, key: str) -> Blob:
        with self.open(key) as file:
            data = file.read()
        return Blob(data, sha256(data))

    def create(self, key: str, data: bytes) -> str:
        path = self._path(key)
        with self._translated(key), self._written(data) as temporary:
            self._link(key, temporary, path)
        return sha256(data)

    def swap(self, key: str, data: bytes, expected: str) -> str:
        path = self._path(key)
        with self._translated(key), self._locked(key):
            found = sha256(path.read_bytes())
            if found != expected:
                raise Conflict(f"object {key} in {self.root} has the tag {found[:12]}; expected {expected[:12]}")
            with self._written(data) as temporary:
                temporary.replace(path)
            _sync_folder(path.parent)
        return sha256(data)

    def list(self, prefix: str, *, after: str = "") -> Iterator[str]:
        folder, _, _ = prefix.rpartition("/")
        if folder and not is_key(folder):
            return
        if folder:
            self._plain(folder)
        with self._translated(prefix):
            for key in _walk(self.root / folder, f"{folder}/" if folder else "", prefix, after):
                if is_key(key):
                    yield key

    def open(self, key: str) -> BinaryIO:
        path = self._path(key)
        with self._translated(key):
            return path.open("rb")

    def upload(self, key: str, source: Path) -> str:
        path = self._path(key)
        with source.open("rb") as file:
            tag = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            with self._translated(key), self._written(file) as temporary:
                self._link(key, temporary, path)
        return tag

    def _path(self, key: str) -> Path:
        self._plain(check_key(key))
        return self.root / key

    def _plain(self, key: str) -> None:
        """Raises BadInput when the object or a folder on the way to it is a link, because what lies
        behind it can be changed from elsewhere.
        """
        place = self.root
        for part in key.split("/"):
            place /= part
            if place.is_symlink():
                raise BadInput(f"{place} is a link; expected plain files and folders in the store at {self.root}")

    @contextlib.contextmanager
    def _written(self, data: bytes | IO[bytes]) -> Iterator[Path]:
        """A temporary file with these bytes, on disk, gone afterwards unless it was renamed."""
        temporary = self.root / _OWN / "tmp" / uuid.uuid4().hex
        temporary.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("xb") as file:
                if isinstance(data, bytes):
                    file.write(data)
                else:
                    shutil.copyfileobj(data, file, 1 << 20)
                file.flush()
                os.fsync(file.fileno())
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)

    def _link(self, key: str, temporary: Path, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise BadInput(f"key {key} lies below another object in {self.root}; a folder cannot hold both") from error
        try:
            path.hardlink_to(temporary)
        except FileExistsError as error:
            raise Conflict(f"object {key} exists in {self.root} already; expected none") from error
        except OSError as error:
            if error.errno in _NO_LINKS:
                raise UnsafeStore(
                    f"folder {self.root} cannot make hard links ({error.strerror}), so two writers could both win; "
                    "expected a local file system"
                ) from error
            raise
        _sync_folder(path.parent)

    @contextlib.contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        """One writer at a time; the kernel frees the lock of a killed one. Keys share 256 lock
        files.
        """
        lock = self.root / _OWN / "locks" / sha256(key.encode())[:2]
        lock.parent.mkdir(parents=True, exist_ok=True)
        with lock.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise NotFound(f"object {key} is not in {self.root}") from error
        except OSError as error:
            raise StoreError(f"object {key} in {self.root} cannot be reached: {error.strerror or error}") from error

    def _clear_abandoned(self) -> None:
        """Remove what killed writers left; a missing or unreadable folder is reported by the first
        real call.
        """
        with contextlib.suppress(OSError):
            for path in (self.root / _OWN / "tmp").iterdir():
                if time.time() - path.stat().st_mtime > _ABANDONED_AFTER:
                    path.unlink(missing_ok=True)


def _walk(folder: Path, base: str, prefix: str, after: str) -> Iterator[str]:
    """Keys in the order of their bytes: a folder sorts as its name with the slash, so `a-b` comes
    before `a/b`.
    """
    try:
        entries = [
            (base + e.name + ("/" if e.is_dir(follow_symlinks=False) else ""), e) for e in os.scandir(folder) if not e.name.startswith(".")
        ]
    except (FileNotFoundError, NotADirectoryError):
        return
    for key, entry in sorted(entries, key=lambda pair: pair[0]):
        if not key.endswith("/"):
            if key.startswith(prefix) and key > after:
                yield key
        elif (key.startswith(prefix) or prefix.startswith(key)) and (key > after or after.startswith(key)):
            yield from _walk(Path(entry.path), key, prefix, after)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
