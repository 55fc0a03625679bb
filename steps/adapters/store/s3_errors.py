"""botocore's exceptions as our errors."""

from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)

from modelmedic.steps.contracts.errors import Conflict, NotFound, StoreError

MISSING = ("NoSuchKey", "NotFound", "404")
VENDOR = (BotoCoreError, ClientError)
_HOPELESS = (NoCredentialsError, PartialCredentialsError, ParamValidationError)
_NOT_CONNECTED = (EndpointConnectionError, ConnectTimeoutError)


def translated(error: Exception, what: str, endpoint: str) -> StoreError:
    """One sentence for one failed call on `what`, such as `object a/b in s3://bucket`; the caller
    chains it.
    """
    if not isinstance(error, ClientError):
        return StoreError(f"{what} cannot be reached at {endpoint}: {' '.join(str(error).split())}")
    code, text = _code(error)
    if code in MISSING:
        return NotFound(f"{what} is not at {endpoint}")
    if status(error) == 412:
        return Conflict(f"{what} is not, or no longer, as the request expected it")
    if code == "NoSuchBucket":
        return StoreError(f"{what} cannot be reached: there is no such bucket at {endpoint}")
    return StoreError(f"{what} cannot be reached: {endpoint} answered {code} ({text or 'no reason given'})")


def passing(error: BaseException) -> bool:
    """True when the call may go through later: no answer came, or the server was at fault."""
    if isinstance(error, ClientError):
        return status(error) >= 500 or status(error) == 429
    return isinstance(error, BotoCoreError) and not isinstance(error, _HOPELESS)


def unsent(error: BaseException) -> bool:
    """True when the call certainly did nothing, because no server heard it."""
    return isinstance(error, _NOT_CONNECTED)


def status(error: BaseException) -> int:
    """The HTTP status, 0 when there was no answer."""
    return int(error.response["ResponseMetadata"].get("HTTPStatusCode", 0)) if isinstance(error, ClientError) else 0


def _code(error: Any) -> tuple[str, str]:
    details = error.response.get("Error", {})
    return str(details.get("Code", "")), str(details.get("Message", ""))
