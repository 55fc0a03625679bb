"""Secrets made at random, each as it would stand in a text; `hidden` are the parts of it that must
not be seen anywhere.
"""

import base64
import json
import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_ALNUM: Final = string.ascii_letters + string.digits
_URL_SAFE: Final = _ALNUM + "-_"
_HEX: Final = "0123456789abcdef"
_PASSWORD: Final = _ALNUM + "!#$%^*+-._~"


@dataclass(frozen=True)
class Planted:
    kind: str
    text: str
    hidden: tuple[str, ...]


def _drawn(rng: random.Random, letters: str, length: int) -> str:
    return "".join(rng.choices(letters, k=length))


def _password(rng: random.Random) -> str:
    return f"{_drawn(rng, _ALNUM, 2)}{_drawn(rng, _PASSWORD, rng.randint(6, 24))}{rng.randrange(10)}z"


def _whole(prefix: str, letters: str, length: int) -> Callable[[random.Random], tuple[str, str]]:
    """A token of a maker's own shape, with nothing around it."""

    def make(rng: random.Random) -> tuple[str, str]:
        body = _drawn(rng, letters, length)
        return f"{prefix}{body}", body

    return make


def _within(*templates: str) -> Callable[[random.Random], tuple[str, str]]:
    def make(rng: random.Random) -> tuple[str, str]:
        secret = _password(rng)
        return rng.choice(templates).replace("@@", secret), secret

    return make


def _jwt(rng: random.Random) -> tuple[str, str]:
    head = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()).decode().rstrip("=")
    body = base64.urlsafe_b64encode(json.dumps({"sub": _drawn(rng, _ALNUM, 12)}).encode()).decode().rstrip("=")
    signature = _drawn(rng, _URL_SAFE, 43)
    return f"{head}.{body}.{signature}", signature


def _private_key(rng: random.Random) -> tuple[str, str]:
    kind = rng.choice(("RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY"))
    lines = [_drawn(rng, _ALNUM + "+/", 64) for _ in range(12)]
    newline = rng.choice(("\n", "\n", "\\n", "\r\n"))
    return newline.join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----"]), lines[rng.randrange(12)][:30]


def _cut_key(rng: random.Random) -> tuple[str, str]:
    whole, hidden = _private_key(rng)
    return whole[: whole.index("-----END")].rstrip(), hidden


def _basic(rng: random.Random) -> tuple[str, str]:
    secret = base64.b64encode(f"ada:{_password(rng)}".encode()).decode()
    return f"Authorization: Basic {secret}", secret.rstrip("=")


def _signed(rng: random.Random) -> tuple[str, str]:
    signature = _drawn(rng, _HEX, 64)
    key = f"AKIA{_drawn(rng, string.ascii_uppercase + '234567', 16)}"
    query = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={key}%2F20260301%2Feu%2Fs3%2Faws4_request&X-Amz-Signature={signature}"
    return f"https://bucket.s3.amazonaws.com/a/b.parquet?{query}&X-Amz-Expires=900", signature


_MAKERS: Final[dict[str, Callable[[random.Random], tuple[str, str]]]] = {
    "password=": _within("password=@@", "PGPASSWORD=@@", "db_password = '@@'", '--password=@@', "jdbc:postgresql://db/x?user=a&password=@@"),
    "password:": _within('{"password": "@@"}', "{'db_password': '@@'}", "password: @@", '\\"passwd\\": \\"@@\\"'),
    "?token=": _within("https://host/a?token=@@", "http://host/x?a=1&access_token=@@&b=2", "/x?api_key=@@"),
    "user and password in a URL": _within(
        "http://ada:@@@mlflow:5000", "postgresql+psycopg2://ada:@@@db.example:5432/mlflow", "https://ada:p/@@@host/path"
    ),
    "user and password without a scheme": _within("ada:@@@mlflow:5000", "connect to ada:@@@db.example/mlflow failed"),
    "flag": _within("tool --password @@ run", "tool --api-key '@@'", "curl -s -u ada:@@ https://host/"),
    "secret access key": lambda rng: (f"aws_secret_access_key={(key := _drawn(rng, _ALNUM + '+/', 40))}", key),
    "X-Amz-Signature=": _signed,
    "Azure's signature": lambda rng: (f"https://a.blob.core.windows.net/c?sv=2024&sig={(sig := _drawn(rng, _ALNUM, 43))}%3D", sig),
    "AccountKey=": lambda rng: (f"AccountName=a;AccountKey={(key := _drawn(rng, _ALNUM + '+/', 86))}==;Endpoint=x", key),
    "Bearer": lambda rng: (f"Authorization: Bearer {(token := _drawn(rng, _URL_SAFE, 39) + '7')}", token),
    "Basic": _basic,
    "cookie": lambda rng: (f"Set-Cookie: session={(value := _drawn(rng, _ALNUM, 32))}; HttpOnly", value),
    "JSON Web Token": _jwt,
    "private key": _private_key,
    "private key without its end": _cut_key,
    "AWS key id": _whole("AKIA", string.ascii_uppercase + "234567", 16),
    "GitHub": _whole("ghp_", _ALNUM, 36),
    "GitHub, fine-grained": _whole("github_pat_", _ALNUM + "_", 82),
    "GitLab": _whole("glpat-", _URL_SAFE, 20),
    "Slack": lambda rng: (f"xoxb-{rng.randrange(10**11, 10**12)}-{rng.randrange(10**11, 10**12)}-{(end := _drawn(rng, _ALNUM, 24))}", end),
    "webhook of Slack": lambda rng: (f"https://hooks.slack.com/services/T0000000A/B0000000B/{(end := _drawn(rng, _ALNUM, 24))}", end),
    "Google": _whole("AIza", _URL_SAFE, 35),
    "Stripe": _whole("sk_live_", _ALNUM, 24),
    "OpenAI": _whole("sk-proj-", _URL_SAFE, 60),
    "Anthropic": _whole("sk-ant-api03-", _URL_SAFE, 95),
    "Hugging Face": _whole("hf_", string.ascii_letters, 34),
    "npm": _whole("npm_", _ALNUM, 36),
    "PyPI": _whole("pypi-AgEIcHlwaS5vcmc", _URL_SAFE, 100),
    "Databricks": _whole("dapi", _HEX, 32),
    "Prefect": _whole("pnu_", _ALNUM, 36),
    "Weights & Biases": _whole("wandb_v1_", _ALNUM, 60),
    "Linear": _whole("lin_api_", _ALNUM, 40),
    "Vault": _whole("hvs.", _URL_SAFE, 95),
}  # fmt: skip
KINDS: Final = tuple(_MAKERS)


def planted(kind: str, rng: random.Random) -> Planted:
    text, hidden = _MAKERS[kind](rng)
    return Planted(kind, text, (hidden,))


def seen(secret: Planted, text: str) -> bool:
    """True when the text shows the secret, or as much of it as guesses the rest."""
    return any(part in text or part[: max(6, len(part) * 2 // 3)] in text for part in secret.hidden)


def sentence(secret: Planted, rng: random.Random) -> str:
    """The secret as a vendor's message quotes it."""
    return rng.choice(_SENTENCES).replace("@@", secret.text)


_SENTENCES: Final = (
    "@@",
    "could not connect: @@",
    "HTTPConnectionPool(host='mlflow', port=5000): Max retries exceeded with url: @@ (Caused by NewConnectionError)",
    "(psycopg2.OperationalError) connection to server failed\n[SQL: SELECT 1]\n@@\n(Background on this error at: https://sqlalche.me/e/20/e3q8)",
    "KeyError: '@@'",
    'got "@@", expected something else',
    "line one\n  @@\nline three",
    "botocore.exceptions.ClientError: An error occurred (403) when calling the GetObject operation: @@",
    "  <a href='x'>@@</a>",
)
