"""No kind of secret stays in a text, no ordinary text is changed, and no text takes long."""

import random
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from modelmedic.steps.adapters.clocks import SystemClock
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.notification import Notification, Severity
from modelmedic.steps.contracts.redaction import REDACTED, RunningText, redact, redact_text
from modelmedic.steps.contracts.secret_patterns import KINDS as PATTERNS
from tests.adversary.planted_secrets import KINDS, planted, seen, sentence

ROOT = Path(__file__).parents[2]
ORDINARY = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "k8s").rglob("*.y*ml"), *(ROOT / "examples").rglob("*.yaml")]
KEPT = sorted((ROOT / "tests/records/kept").rglob("*.json"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_of_every_kind_is_replaced_wherever_it_stands_and_once(kind: str) -> None:
    for number in range(40):
        rng = random.Random(f"{kind}/{number}")
        secret = planted(kind, rng)
        text = sentence(secret, rng)
        assert seen(secret, text), "the plant itself must show"
        shown = redact_text(text)
        assert not seen(secret, shown), (text, shown)
        assert REDACTED in shown
        assert redact_text(shown) == shown


@pytest.mark.parametrize("kind", sorted({*KINDS} - {"AWS key id", "user and password without a scheme"}))
def test_a_secret_that_was_cut_off_with_its_text_is_replaced(kind: str) -> None:
    for number in range(20):
        rng = random.Random(f"{kind}/{number}")
        secret = planted(kind, rng)
        (hidden,) = secret.hidden
        shown = redact_text(f"it failed: {secret.text[: secret.text.index(hidden) + rng.randint(len(hidden) * 3 // 4, len(hidden))]}")
        assert hidden[: max(6, len(hidden) // 2)] not in shown, (secret.text, shown)


def test_what_a_text_says_beside_its_secret_stays() -> None:
    said = "MLflow at http://ada:hunter2@mlflow:5000 answered 403 to GET /api?page=2&token=s3cr3tt0k3n&size=10"
    assert redact_text(said) == f"MLflow at http://{REDACTED}@mlflow:5000 answered 403 to GET /api?page=2&token={REDACTED}&size=10"


@pytest.mark.parametrize("path", ORDINARY + KEPT, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_docs_the_manifests_and_kept_records_stay_as_they_are(path: Path) -> None:
    text = path.read_text()
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "the token of one step expires after an hour",
        "password authentication failed for user ada",
        "tokens: 3, max_tokens=512, p=0.05, sig=0.01",
        "image registry.example/modelmedic/steps:0.1.0@sha256:" + "9f" * 32,
        "digest " + "d1" * 32 + ", signed off by ada@example.com",
        "write to mailto:ada@example.com or ops:team7",
        "basic authentication, bearer tokens and cookies are explained in docs/security.md",
        "secretName: modelmedic-webhook, key: token",
        "http://mlflow:5000/api/2.0/mlflow/runs?max_results=1&order=a@b",
        "password=$PASSWORD --token=<token> api_key={{inputs.key}} secret=None",
    ],
)
def test_ordinary_sentences_stay_as_they_are(text: str) -> None:
    assert redact_text(text) == text


HOSTILE = (
    *("a", "1", " ", '"', "\\", "@", "-", "://", "://a:", "a:", "a:b@", "eyJ", "eyJaaaaaaaaaa.", "sk-", "sig=", "thin:a/", "curl -u "),
    *("-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "PuTTY-User-Key-File-2P", "password", 'password="', "password='x", "password : "),
    *("token: aaaa", "Bearer a", "cookie: a=", "--a-token", "login a password", "hooks.slack.com/services/", "access_key_", "token=\n"),
)


@pytest.mark.parametrize("length", [32, 40, 64], ids=["a nonce", "a commit", "a digest"])
def test_no_hexadecimal_number_is_a_secret_whatever_it_begins_with(length: int) -> None:
    """A lease whose nonce is redacted is lost, and a model whose digest is redacted is not
    found.
    """
    drawn = random.Random(7)
    begins = {anchor for kind in PATTERNS for anchor in kind.anchors if set(anchor) <= set("0123456789abcdef")}
    texts = [f"{start}{drawn.getrandbits(4 * length):0{length}x}"[:length] for start in (*begins, *[""] * 2000)]
    texts += [f'{{"digest":"{text}"}}' for text in texts] + [str(uuid.UUID(text[:32])) for text in texts]
    assert "4b1d" in begins
    assert [text for text in texts if redact_text(text) != text] == []


def test_a_token_that_begins_with_hexadecimal_digits_is_still_one() -> None:
    assert redact_text("token 4b1dQx7Lm2Rt9Vw4Yz6Bn8Kp3Hs5Jd1Fg0Ac") != "token 4b1dQx7Lm2Rt9Vw4Yz6Bn8Kp3Hs5Jd1Fg0Ac"
    assert "[redacted]" in redact_text("it was 4b1dqx7lm2rt9vw4yz6bn8kp3hs5jd1fg0ac")


def test_no_text_of_a_megabyte_takes_long() -> None:
    rng = random.Random(0)
    texts = [(piece * (1_000_000 // len(piece) + 1))[:1_000_000] for piece in HOSTILE]
    texts += ["".join(rng.choices(HOSTILE, k=100_000))[:1_000_000] for _ in range(3)]
    for text in texts:
        began = time.process_time()
        redact_text(text + " user:pass@host/ q~ :aa")
        assert time.process_time() - began < 5, text[:40]  # a tenth of it on a quiet machine; what backtracks takes hours


def test_a_key_that_is_printed_line_by_line_is_not_shown() -> None:
    text = RunningText()
    lines = ["-----BEGIN RSA PRIVATE KEY-----", "\n", "A" * 64, "\n", "B" * 64, "\n", "-----END RSA PRIVATE KEY-----", "\n", "done\n"]
    shown = "".join(text.redact(line) for line in lines)
    assert "AAAA" not in shown
    assert "BBBB" not in shown
    assert shown.endswith("done\n")


def test_text_that_follows_a_key_without_its_end_is_shown() -> None:
    text = RunningText()
    assert text.redact("-----BEGIN PRIVATE KEY-----\n" + "A" * 64 + "\n") == f"{REDACTED}\n"
    assert text.redact("the training failed\n") == "the training failed\n"


def test_a_name_that_says_secret_makes_its_text_one() -> None:
    assert redact({"password": "plain words", "tokens": 3, "nested": {"api_key": ["x"]}}) == {
        "password": REDACTED,
        "tokens": 3,
        "nested": {"api_key": [REDACTED]},
    }


def test_errors_and_messages_are_made_without_secrets() -> None:
    said = "connect to postgresql://ada:hunter2@db/x failed"
    assert "hunter2" not in repr(BadInput(said))
    message = Notification(
        "heal.failed", "flights", None, Severity.WARNING, "team", said, said, SystemClock().now(), {"log": "https://a:hunter2@b/"}
    )
    assert "hunter2" not in repr(message)


def test_a_process_prints_no_secret_in_a_traceback_or_a_log() -> None:
    program = (
        "import logging, sys\nfrom modelmedic.steps.adapters.streams import redact_output\nredact_output()\n"
        "print('token=hunter2hunter2')\nlogging.warning('password=%s', 'hunter2')\n"
        "sys.stdout.buffer.write(b'--password hunter2'), sys.stdout.flush()\nraise ValueError('http://ada:hunter2@host')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr
    assert "hunter2" not in ended.stdout + ended.stderr
    assert ended.stdout.count(REDACTED) == 2
