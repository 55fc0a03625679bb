"""A model's files keep their digest both ways, arrive whole or not at all, and cannot climb out of
their folder.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.adapters.models.files import digest, pull, push
from modelmedic.steps.adapters.store.folder import FolderStore
from modelmedic.steps.contracts.errors import BadInput, Conflict, NotFound, Refused, StoreError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    (made / "data").mkdir(parents=True)
    (made / "MLmodel").write_text("flavors: {}\n")
    (made / "data" / "weights.bin").write_bytes(bytes(range(256)) * 100)
    return made


def test_files_keep_their_digest_on_the_way_there_and_back(folder: Path, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    pushed = push(store, "candidates/x", folder)
    assert pushed == digest(folder) == digest(pull(store, "candidates/x", tmp_path / "back", pushed))


def test_digest_depends_on_names_and_contents_and_on_nothing_else(folder: Path) -> None:
    before = digest(folder)
    (folder / "MLmodel").touch()
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_bytes(b"1")
    assert digest(folder) == before
    (folder / "data" / "weights.bin").rename(folder / "data" / "weights2.bin")
    assert digest(folder) != before


def test_push_twice_is_one_push_and_other_content_is_refused(folder: Path) -> None:
    store = MemoryStore()
    assert push(store, "models/a", folder) == push(store, "models/a", folder)
    (folder / "MLmodel").write_text("flavors: {evil: {}}\n")
    with pytest.raises(Conflict, match=r"object models/a/MLmodel holds another file"):
        push(store, "models/a", folder)


def test_push_goes_on_where_a_killed_one_stopped(folder: Path, tmp_path: Path) -> None:
    store = MemoryStore()
    store.upload("models/a/MLmodel", folder / "MLmodel")
    assert digest(pull(store, "models/a", tmp_path / "back", push(store, "models/a", folder))) == digest(folder)


def test_changed_or_missing_files_are_not_used(folder: Path, tmp_path: Path) -> None:
    store = MemoryStore()
    push(store, "models/a", folder)
    for other in ("0" * 64, "f" * 64):
        with pytest.raises(Refused, match="expected"):
            pull(store, "models/a", tmp_path / "back", other)
    assert not (tmp_path / "back").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_nothing_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        pull(MemoryStore(), "models/a", tmp_path / "back", None)


def test_wrong_folder_in_the_way_is_replaced_and_a_right_one_is_kept(folder: Path, tmp_path: Path) -> None:
    store, to = MemoryStore(), tmp_path / "back"
    pushed = push(store, "models/a", folder)
    to.mkdir()
    (to / "half").write_text("what a kill left")
    pull(store, "models/a", to, pushed)
    assert digest(to) == pushed
    store.unreachable = True
    assert pull(store, "models/a", to, pushed) == to


class Hostile(MemoryStore):
    """A store that somebody else writes to without our checks."""

    def list(self, prefix: str, *, after: str = "") -> Iterator[str]:  # noqa: ARG002
        yield from (f"{prefix}{name}" for name in ("MLmodel", "../../escaped"))


def test_object_name_that_climbs_out_is_refused(folder: Path, tmp_path: Path) -> None:
    store = Hostile()
    push(store, "models/a", folder)
    with pytest.raises(Refused, match="no name for a model file"):
        pull(store, "models/a", tmp_path / "deep" / "back", None)
    assert not list(tmp_path.rglob("escaped"))


def test_object_below_another_file_is_refused(tmp_path: Path) -> None:
    store = MemoryStore()
    store.create("models/a/MLmodel", b"1")
    store.create("models/a/MLmodel/inside", b"2")
    with pytest.raises(Refused, match="no name for a model file"):
        pull(store, "models/a", tmp_path / "back", None)


def test_links_and_hidden_files_are_no_model_files(folder: Path) -> None:
    (folder / "secret").symlink_to("/etc/hostname")
    with pytest.raises(BadInput, match="is a link"):
        digest(folder)
    (folder / "secret").unlink()
    (folder / "outside").symlink_to("/etc")
    with pytest.raises(BadInput, match="is a link"):
        digest(folder)
    (folder / "outside").unlink()
    (folder / ".hidden").write_text("1")
    with pytest.raises(BadInput, match="object store refuses"):
        digest(folder)


def test_unreachable_store_leaves_no_folder(tmp_path: Path) -> None:
    store = MemoryStore()
    store.unreachable = True
    with pytest.raises(StoreError):
        pull(store, "models/a", tmp_path / "back", None)
    assert not list(tmp_path.iterdir())
