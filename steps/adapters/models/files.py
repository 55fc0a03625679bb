"""The files of a model between a local folder and the object store, named by one digest over all of
them.
"""

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from modelmedic.steps.adapters.models.plain_files import opened_plain
from modelmedic.steps.contracts.codec import canonical, sha256
from modelmedic.steps.contracts.errors import BadInput, Conflict, NotFound, Refused
from modelmedic.steps.contracts.keys import is_key
from modelmedic.steps.contracts.ports import ObjectStore

_CHUNK = 1 << 20  # bytes
_RACES = 20
_MOST_BYTES = 16 << 30
_MOST_FILES = 10_000
_DEEPEST = 32  # folders


def digest(folder: Path) -> str:
    """The sha256 over the sorted list of (relative path, sha256 of the file).

    Raises BadInput when there is no file, a link, or a name that the object store would not take.
    """
    return _combined((relative, _file_hash(path)) for relative, path in _files(folder))


def push(store: ObjectStore, prefix: str, folder: Path) -> str:
    """Upload every file below `prefix`; returns the folder's digest. A second call, or one after a
    kill, uploads the missing files.

    Raises Conflict when an object of one of the names has another content.
    """
    hashes = {}
    for relative, path in _files(folder):
        hashes[relative] = _file_hash(path)
        key = f"{prefix}/{relative}"
        try:
            store.upload(key, path)
        except Conflict as error:
            if _object_hash(store, key) != hashes[relative]:
                raise Conflict(f"object {key} holds another file than {path}; a model's files are written once") from error
    return _combined(hashes.items())


def pull(store: ObjectStore, prefix: str, to: Path, digest: str | None) -> Path:
    """The files below `prefix` as the folder `to`, which appears whole or not at all; fetches
    nothing when the folder is there already.

    Raises NotFound when the prefix has no object, Refused when the files do not have the digest
    (None accepts any).
    """
    if digest is not None and _holds(to, digest):
        return to
    to.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{to.name}-", dir=to.parent))
    fresh.chmod(0o755)  # mkdtemp's own would keep a server of another account out
    try:
        found = _combined(_fetched(store, prefix, fresh))
        if digest is not None and _holds(to, digest):
            return to  # another process fetched them meanwhile, and may be reading them
        if digest is not None and found != digest:
            raise Refused(f"model files under {prefix} have the digest {found[:12]}; expected {digest[:12]}: they are not used")
        settle(fresh, to)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return to


def settle(fresh: Path, to: Path) -> None:
    """Give the finished folder its name; an earlier folder of that name is moved away first,
    because no rename replaces a full folder. Of two processes at the same moment the last one's
    stands.
    """
    old = fresh.with_name(f"{fresh.name}.old")
    for _ in range(_RACES):
        if to.is_symlink():
            to.unlink(missing_ok=True)
        try:
            fresh.rename(to)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
        with contextlib.suppress(FileNotFoundError):
            to.rename(old)
        shutil.rmtree(old, ignore_errors=True)
    raise Conflict(f"folder {to} was replaced by others {_RACES} times in a row; expected to replace it once")


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Relative names and paths. Python's own caches are left out: they change by themselves.

    Raises BadInput for what no model is: something else than plain files, more of them, of more
    bytes or in deeper folders than any model has.
    """
    if folder.is_symlink():
        raise BadInput(f"model folder {folder} is a link; expected the folder itself, with plain files only")
    found, room = 0, _MOST_BYTES
    for entry in _entries(folder, _DEEPEST):
        path = Path(entry.path)
        relative = path.relative_to(folder).as_posix()
        if not entry.is_file(follow_symlinks=False):
            raise BadInput(f"model file {path} is a link or no plain file; a model folder holds plain files only")
        if not is_key(f"model/{relative}"):
            raise BadInput(f"model file {str(path)!a} has a name that the object store refuses; expected printable, no leading dot")
        found, room = found + 1, room - entry.stat(follow_symlinks=False).st_size
        if found > _MOST_FILES or room < 0:
            raise BadInput(f"model folder {folder} holds more than {_MOST_FILES} files or {_MOST_BYTES >> 30} GiB; expected one model")
        yield relative, path
    if not found:
        raise BadInput(f"model folder {folder} holds no file; expected an MLflow model")


def _entries(folder: Path, deepest: int) -> Iterator["os.DirEntry[str]"]:
    """Everything below the folder that is no folder itself, by name; links to folders are no
    folders.
    """
    if deepest < 0:
        raise BadInput(f"model folder {str(folder)[:200]}… lies more than {_DEEPEST} folders deep; expected one model")
    try:
        with os.scandir(folder) as listed:
            entries = sorted(islice(listed, _MOST_FILES + 1), key=lambda entry: entry.name)
    except OSError as error:
        raise BadInput(f"model folder {folder} cannot be listed ({error.strerror}); expected an MLflow model") from error
    for entry in entries:
        if not entry.is_dir(follow_symlinks=False):
            yield entry
        elif entry.name != "__pycache__":
            yield from _entries(Path(entry.path), deepest - 1)


def _combined(hashes: Iterable[tuple[str, str]]) -> str:
    return sha256(canonical(sorted([name, value] for name, value in hashes)))


def _file_hash(path: Path) -> str:
    try:
        with opened_plain(path, _MOST_BYTES) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # typeshed wants a raw file
    except OSError as error:
        raise BadInput(f"model file {path} cannot be read ({error.strerror}); expected a plain file") from error


def _object_hash(store: ObjectStore, key: str) -> str:
    total = hashlib.sha256()
    with store.open(key) as source:
        while chunk := source.read(_CHUNK):
            total.update(chunk)
    return total.hexdigest()


def _fetched(store: ObjectStore, prefix: str, folder: Path) -> Iterator[tuple[str, str]]:
    keys = list(store.list(f"{prefix}/"))
    if not keys:
        raise NotFound(f"there are no model files under {prefix} in the object store")
    for key in keys:
        relative = key.removeprefix(f"{prefix}/")
        path = folder / relative
        if not is_key(f"model/{relative}") or any(parent.is_file() for parent in path.parents):  # climbs out, hides, or lies in a file
            raise Refused(f"object {key!r} is no name for a model file; nothing under {prefix} is used")
        path.parent.mkdir(parents=True, exist_ok=True)
        total = hashlib.sha256()
        with store.open(key) as source, path.open("xb") as file:
            while chunk := source.read(_CHUNK):
                total.update(chunk)
                file.write(chunk)
        yield relative, total.hexdigest()


def _holds(folder: Path, expected: str) -> bool:
    try:
        return folder.is_dir() and digest(folder) == expected
    except BadInput:
        return False
