"""An object store on S3 or a service that speaks its protocol; the conditions are `If-None-Match:
*` and `If-Match: <ETag>`.

Each write carries a number of its own in the object's metadata. When an answer is lost, or a
repeated attempt meets the first one's object, the object is read back and the number tells whether
the write went through. A write whose answer was lost and that another writer replaced before it
could be read back counts as a lost race, as it would have been a moment later.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import tenacity
from tenacity.wait import wait_base

from modelmedic.steps.adapters.store.s3_errors import VENDOR, passing, status, translated, unsent
from modelmedic.steps.adapters.store.s3_reader import buffered
from modelmedic.steps.contracts.errors import Conflict, NotFound, StoreError, UnsafeStore
from modelmedic.steps.contracts.keys import check_key, is_key
from modelmedic.steps.contracts.ports import Blob

T = TypeVar("T")
Parts = list[dict[str, Any]]  # named here, because inside the class `list` is a method
_WRITE = "modelmedic-write"  # metadata: which write made the object
_ATTEMPTS = 5
_PAUSE = tenacity.wait_random_exponential(multiplier=0.1, max=2)  # seconds


class _NotYet(Exception):
    """A write that did not happen and may be tried again under the same condition."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class S3Store:
    """An ObjectStore under `s3://<bucket>/<prefix>`; `client` is boto3's, which is safe between
    threads.
    """

    at_once = 8  # requests of one reader; botocore keeps 10 connections

    def __init__(self, client: Any, bucket: str, prefix: str = "", *, part_bytes: int = 64 << 20, pause: wait_base = _PAUSE) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._part_bytes = part_bytes
        self._pause = pause

    def __str__(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def get(self, key: str) -> Blob:
        def fetch() -> Blob:
            answer = self._client.get_object(**self._at(key))
            return Blob(answer["Body"].read(), self._tag(answer, key))

        return self._reading(key, fetch)

    def create(self, key: str, data: bytes) -> str:
        return self._put(key, partial(self._put_object, key, data, IfNoneMatch="*"))

    def swap(self, key: str, data: bytes, expected: str) -> str:
        return self._put(key, partial(self._put_object, key, data, IfMatch=expected), missing=NotFound)

    def open(self, key: str) -> BinaryIO:
        head = self._reading(key, lambda: self._client.head_object(**self._at(key)))
        tag, size = self._tag(head, key), int(self._answered(head, "ContentLength", key))

        def fetch(start: int, end: int) -> bytes:
            span = {"Range": f"bytes={start}-{end - 1}", "IfMatch": tag}  # never parts of two versions
            return self._reading(key, lambda: bytes(self._client.get_object(**self._at(key), **span)["Body"].read()))

        return buffered(size, fetch)

    def upload(self, key: str, source: Path) -> str:
        if source.stat().st_size > self._part_bytes:
            return self._upload_parts(key, source)
        with source.open("rb") as file:

            def put(write: str) -> str:
                file.seek(0)
                return self._put_object(key, file, write, IfNoneMatch="*")

            return self._put(key, put)

    def list(self, prefix: str, *, after: str = "") -> Iterator[str]:
        start = self._prefix + after if after else ""
        page: dict[str, Any] = {"IsTruncated": True}
        while page.get("IsTruncated"):
            ask = partial(self._client.list_objects_v2, Bucket=self._bucket, Prefix=self._prefix + prefix, StartAfter=start)
            page = self._reading(f"{prefix}*", ask)
            names = [self._answered(entry, "Key", f"{prefix}*") for entry in page.get("Contents", ())]
            if page.get("IsTruncated") and not names:
                raise UnsafeStore(
                    f"{self._name(f'{prefix}*')}: a page of the listing is empty and says that more follow; expected S3's pages"
                )
            start = names[-1] if names else start
            yield from (key for name in names if is_key(key := name.removeprefix(self._prefix)))

    def _put_object(self, key: str, body: bytes | BinaryIO, write: str, **condition: str) -> str:
        return self._tag(self._client.put_object(**self._at(key), Body=body, Metadata={_WRITE: write}, **condition), key)

    def _upload_parts(self, key: str, source: Path) -> str:
        """S3 takes 5 GiB in one request; parts are invisible until they are completed, which is
        conditional as well.
        """
        write = uuid.uuid4().hex
        opened = self._reading(key, lambda: self._client.create_multipart_upload(**self._at(key), Metadata={_WRITE: write}))
        upload = {**self._at(key), "UploadId": self._answered(opened, "UploadId", key)}

        def complete(_: str) -> str:
            return self._tag(self._client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*"), key)

        try:
            parts = self._parts(key, source, upload)
            return self._put(key, complete, write)
        except BaseException:  # parts without a completion cost money and are visible nowhere
            self._abort(upload)
            raise

    def _parts(self, key: str, source: Path, upload: dict[str, str]) -> Parts:
        parts: Parts = []
        with source.open("rb") as file:
            while data := file.read(self._part_bytes):
                number = len(parts) + 1
                answer = self._reading(key, partial(self._client.upload_part, **upload, PartNumber=number, Body=data))
                parts.append({"PartNumber": number, "ETag": self._tag(answer, key)})
        return parts

    def _abort(self, upload: dict[str, str]) -> None:
        try:
            self._client.abort_multipart_upload(**upload)
        except VENDOR:
            return  # the bucket's lifecycle rule ends it; the first error matters more

    def _put(self, key: str, put: Callable[[str], str], write: str = "", missing: type[StoreError] = Conflict) -> str:
        """One conditional write: 412 is a lost race; 409 (others write at this moment) and silence
        are tried again, and so is a creation that was refused for an object that is not there.

        `missing` is the error when the condition failed and there is no object: some stores answer
        412, S3 404.
        """
        write = write or uuid.uuid4().hex
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(_ATTEMPTS),
            wait=self._pause,
            retry=tenacity.retry_if_exception_type(_NotYet),
            reraise=True,
        )
        try:
            return retrying(self._attempt, key, put, write, missing)
        except _NotYet as last:
            if status(last.cause) in (409, 412):
                raise Conflict(f"{self._name(key)} is being written by others; {_ATTEMPTS} attempts met them") from last.cause
            raise self._translated(last.cause, f"{self._name(key)} was not written and") from last.cause

    def _attempt(self, key: str, put: Callable[[str], str], write: str, missing: type[StoreError]) -> str:
        try:
            return put(write)
        except VENDOR as error:
            answered = status(error)
            if answered == 409 or unsent(error):
                raise _NotYet(error) from error
            if answered in (404, 412) or passing(error):
                found = self._look(key, error)
                if found.get("Metadata", {}).get(_WRITE) == write:
                    return self._tag(found, key)
                if answered == 412 and not found and missing is NotFound:
                    raise missing(f"{self._name(key)} is not there; the write expected it as it was") from error
                if answered not in (404, 412) or (answered == 412 and not found):
                    raise _NotYet(error) from error
            raise self._translated(error, self._name(key)) from error

    def _look(self, key: str, unanswered: Exception) -> dict[str, Any]:
        """The object's head after a write that may or may not have gone through; empty when there
        is no object.
        """
        try:
            return dict(self._reading(key, lambda: self._client.head_object(**self._at(key))))
        except NotFound:
            return {}
        except StoreError as error:
            raise StoreError(
                f"{self._name(key)} may or may not have been written ({unanswered}), and it cannot be read back ({error})"
            ) from unanswered

    def _reading(self, key: str, call: Callable[[], T]) -> T:
        """A call that changes nothing, so that it may be repeated."""
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(3),
            wait=self._pause,
            retry=tenacity.retry_if_exception(passing),
            reraise=True,
        )
        try:
            return retrying(call)
        except VENDOR as error:
            raise self._translated(error, self._name(key)) from error

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + check_key(key)}

    def _tag(self, answer: Mapping[str, Any], key: str) -> str:
        return self._answered(answer, "ETag", key)

    def _answered(self, answer: Mapping[str, Any], field: str, key: str) -> str:
        """A field of an answer without which nothing is safe. Raises UnsafeStore when it is not
        there, as behind a proxy that drops headers.
        """
        if not answer.get(field) and answer.get(field) != 0:
            raise UnsafeStore(
                f"{self._name(key)}: {self._client.meta.endpoint_url} answered with success and without {field}; "
                "expected what S3 answers, because conditional writes rest on it"
            )
        return str(answer[field])

    def _name(self, key: str) -> str:
        return f"object {key} in s3://{self._bucket}/{self._prefix}"

    def _translated(self, error: Exception, what: str) -> StoreError:
        return translated(error, what, str(self._client.meta.endpoint_url))
