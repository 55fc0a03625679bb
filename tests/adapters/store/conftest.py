"""One S3 server for all tests of this folder, and one that misbehaves on demand."""

from collections.abc import Iterator
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from tests.adapters.store.s3_server import FaultyS3, client

BUCKET = "bucket"


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client(url).create_bucket(Bucket=BUCKET)
    yield url
    server.stop()


@pytest.fixture(scope="session")
def s3_client(s3_url: str) -> Any:
    return client(s3_url)


@pytest.fixture
def faulty() -> Iterator[FaultyS3]:
    with FaultyS3().running() as server:
        client(server.url).create_bucket(Bucket=BUCKET)
        server.writes = 0
        yield server
