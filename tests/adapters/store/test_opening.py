"""A store is opened by a URL, and one that ignores conditions is refused before anything is written
to it.
"""

from pathlib import Path

import pytest

from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.adapters.store.by_url import open_store
from modelmedic.steps.adapters.store.folder import FolderStore
from modelmedic.steps.adapters.store.probe import probe
from modelmedic.steps.adapters.store.s3 import S3Store
from modelmedic.steps.contracts.errors import BadInput, StoreError, UnsafeStore
from tests.adapters.store.conftest import BUCKET
from tests.adapters.store.s3_server import FaultyS3, client


@pytest.fixture
def _at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)


@pytest.mark.parametrize("form", ["{}", "file://{}", "file://localhost{}"])
def test_a_folder_is_named_by_its_path_or_as_a_file_url(tmp_path: Path, form: str) -> None:
    open_store(form.format(tmp_path / "store")).create("a", b"one")
    assert FolderStore(tmp_path / "store").get("a").data == b"one"


def test_a_url_may_escape_a_space(tmp_path: Path) -> None:
    open_store(f"file://{tmp_path}/my%20store")
    assert (tmp_path / "my store").is_dir()


def test_opening_to_read_writes_nothing(tmp_path: Path) -> None:
    assert list(open_store(str(tmp_path / "store"), read_only=True).list("")) == []
    assert list(tmp_path.iterdir()) == []


def test_a_folder_below_the_current_one_says_its_place_from_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert str(FolderStore(tmp_path / "a" / "store")) == "a/store"
    assert str(FolderStore(tmp_path.parent / "store")) == str(tmp_path.parent / "store")


@pytest.mark.usefixtures("_at_home")
def test_a_bucket_is_named_with_its_prefix(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_url)
    store = open_store(f"s3://{BUCKET}/team/prod/")
    assert isinstance(store, S3Store)
    assert str(store) == f"s3://{BUCKET}/team/prod"
    store.create("a", b"one")
    assert "team/prod/a" in list(S3Store(client(s3_url), BUCKET).list("team/"))


@pytest.mark.parametrize("url", ["", " ", "gs://bucket", "s3://", "s3:///prefix", "file://", "file://host/x", "s3://b/p?x=1", "http://h"])
def test_any_other_url_is_refused_with_what_is_allowed(url: str) -> None:
    with pytest.raises(BadInput, match=r"expected a folder, file:///folder or s3://bucket/prefix"):
        open_store(url)


def test_a_secret_in_a_url_is_not_repeated() -> None:
    with pytest.raises(BadInput) as caught:
        open_store("s3://AKIAABCDEFGHIJKLMNOP:hush@bucket/x")
    assert "hush" not in str(caught.value)


@pytest.mark.usefixtures("_at_home")
def test_an_endpoint_that_is_no_url_is_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "minio:9000")
    with pytest.raises(BadInput, match="AWS_ENDPOINT_URL"):
        open_store(f"s3://{BUCKET}")


@pytest.mark.usefixtures("_at_home")
@pytest.mark.parametrize(
    ("deaf", "said"),
    [
        (("HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH"), "created twice"),
        (("HTTP_IF_NONE_MATCH",), "created twice"),
        (("HTTP_IF_MATCH",), "expected an older object"),
    ],
)
def test_a_server_that_ignores_conditions_is_found_out_and_refused(
    faulty: FaultyS3, monkeypatch: pytest.MonkeyPatch, deaf: tuple[str, ...], said: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", faulty.url)
    faulty.deaf = deaf
    with pytest.raises(UnsafeStore, match=said):
        open_store(f"s3://{BUCKET}/{said.replace(' ', '-')}-{len(deaf)}")


class LetsAnySwapThrough(MemoryStore):
    """A store like older MinIO releases: If-Match counts only where there is an object."""

    def swap(self, key: str, data: bytes, expected: str) -> str:
        return super().swap(key, data, expected) if key in self.list(key) else self.create(key, data)


def test_a_store_that_swaps_what_is_not_there_is_refused() -> None:
    with pytest.raises(UnsafeStore, match="had to exist and did not"):
        probe(LetsAnySwapThrough())


def test_a_store_that_is_away_is_no_unsafe_store() -> None:
    store = MemoryStore()
    store.unreachable = True
    with pytest.raises(StoreError, match="unreachable"):
        probe(store)
