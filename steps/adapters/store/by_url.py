"""From a URL to an object store that is known to keep its conditions."""

from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from modelmedic.steps.adapters.store.folder import FolderStore
from modelmedic.steps.adapters.store.probe import probe
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.contracts.redaction import redact_text


def open_store(url: str, *, read_only: bool = False, endpoint: str | None = None) -> ObjectStore:
    """The store of a URL: `file:///folder`, a plain path, or `s3://bucket/prefix` (at
    `endpoint`, else at AWS_ENDPOINT_URL).

    The store is probed first unless it is only read from. Raises UnsafeStore when it ignores
    conditions, StoreError when it cannot be reached, BadInput for any other URL or when boto3 is
    not installed.
    """
    store = _named(url, endpoint)
    if not read_only:
        probe(store)
    return store


def folder_of(url: str) -> Path | None:
    """The folder that a store's URL names; None for a store that is elsewhere."""
    parts = _split(url) if "://" in url else None
    if parts is None and url.strip():
        return Path(url).expanduser()
    if parts and parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        return Path(unquote(parts.path))
    return None


def _named(url: str, endpoint: str | None) -> ObjectStore:
    folder = folder_of(url)
    if folder is not None:
        return FolderStore(folder)
    parts = _split(url) if "://" in url else None
    if parts and parts.scheme == "s3" and parts.netloc and not (parts.query or parts.fragment or "@" in parts.netloc):
        return _s3(parts.netloc, unquote(parts.path).strip("/"), endpoint)
    raise _unknown(url)


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:  # a bracket that no IPv6 address follows
        raise _unknown(url) from error


def _unknown(url: str) -> BadInput:
    return BadInput(f"store is {redact_text(url)!r}; expected a folder, file:///folder or s3://bucket/prefix")


def _s3(bucket: str, prefix: str, endpoint: str | None) -> ObjectStore:
    try:
        from modelmedic.steps.adapters.store.s3 import S3Store
    except ModuleNotFoundError as error:
        raise BadInput(f"a store on s3:// needs {error.name}, which is not installed; expected `pip install 'modelmedic[s3]'`") from error
    return S3Store(_client(endpoint), bucket, prefix)


def _client(endpoint: str | None) -> Any:
    """A client of bounded waits. Checksums are sent only where S3 requires them, because not every
    S3-compatible store knows them.

    botocore repeats nothing: S3Store reads an unanswered write back before it tries again.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    retries = {"mode": "standard", "total_max_attempts": 1}
    sums = {"request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"}
    try:
        return boto3.client("s3", endpoint_url=endpoint, config=Config(connect_timeout=5, read_timeout=30, retries=retries, **sums))
    except (BotoCoreError, ValueError) as error:  # ValueError: an endpoint that is no URL
        raise BadInput(f"the settings for s3:// cannot be used ({error}); expected AWS_ENDPOINT_URL, AWS_PROFILE and the like") from error
