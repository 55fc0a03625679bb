"""Secrets of every kind in what a vendor, a user's code or a caller says: none is seen at any way
out of the program.
"""

import html
import io
import json
import logging
import os
import random
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from modelmedic.steps.adapters.clocks import SystemClock
from modelmedic.steps.adapters.http import HttpClient
from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.adapters.mlflow.registry import MlflowRegistry
from modelmedic.steps.adapters.notify.alertmanager import annotations
from modelmedic.steps.adapters.notify.store import FileNotifier
from modelmedic.steps.adapters.notify.terminal import TerminalNotifier
from modelmedic.steps.adapters.prometheus import TextFile
from modelmedic.steps.adapters.store.by_url import open_store
from modelmedic.steps.adapters.streams import RedactingStream
from modelmedic.steps.contracts.audit import Phase
from modelmedic.steps.contracts.codec import to_plain
from modelmedic.steps.contracts.errors import BadInput, ModelmedicError
from modelmedic.steps.contracts.keys import notification_key
from modelmedic.steps.contracts.metrics import Metric
from modelmedic.steps.contracts.policy import Registry as Names
from modelmedic.steps.contracts.redaction import REDACTED
from modelmedic.steps.contracts.samples import Sample
from modelmedic.steps.effects.spool import note, waiting
from modelmedic.steps.entrypoints import write
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.documents import put
from modelmedic.steps.reporting.incident import incident_page
from modelmedic.steps.reporting.pictures.text import clean, opening
from modelmedic.steps.reporting.story import gather
from modelmedic.workflows.cli.console import safe
from tests.adapters.notify.messages import message
from tests.adversary.attack import HELD, Attack, Result, not_held
from tests.adversary.leaking_training import secrets
from tests.adversary.planted_secrets import KINDS, Planted, planted, seen, sentence
from tests.adversary.training_code import trained_by
from tests.reporting import stories
from tests.worlds import sklearn_folder

_EACH: Final = 2  # secrets of a kind at each way out
Way = Callable[[str, Path], str]  # from a text with a secret, and a folder, to all that came out


def attacks(seed: int) -> Iterator[Attack]:
    for name, way in _WAYS.items():
        for kind in KINDS:
            yield Attack(f"{name}: {kind}", "secrets", partial(_try, way, kind, f"{seed}/{name}"), tries=_EACH)
    yield Attack("training code: all kinds, printed and raised", "secrets", _training, seconds=120, tries=2 * len(KINDS))
    yield Attack("incident page: all kinds, in records of an earlier version", "secrets", partial(_incident_page, seed), tries=len(KINDS))
    yield Attack("tags of MLflow: all kinds", "secrets", partial(_registered, seed), seconds=120, tries=len(KINDS))
    yield Attack("MLflow that is away: its address", "secrets", _unreachable_mlflow, tries=2)
    yield Attack("S3 that is away: its address", "secrets", _unreachable_store)
    yield Attack("a process of ours: all kinds, in its last traceback", "secrets", partial(_uncaught, seed), tries=len(KINDS))


def _try(way: Way, kind: str, seed: str, folder: Path) -> Result:
    for number in range(_EACH):
        rng = random.Random(f"{seed}/{kind}/{number}")
        secret = planted(kind, rng)
        text = sentence(secret, rng)
        if seen(secret, shown := way(text, folder)):
            return not_held(f"{text!r} came out as {shown[:400]!r}")
    return HELD


def _error(text: str, _folder: Path) -> str:
    try:
        raise BadInput(text)
    except ModelmedicError as error:
        return f"{error} {error!r} {''.join(traceback.format_exception(error)[-1:])}"


def _record(text: str, _folder: Path) -> str:
    store = MemoryStore()
    AuditTrail(store, "flights", SystemClock(), "me").append("heal.failed", facts={"error": text, "nested": [{"said": text}]})
    return _stored(store)


def _spooled(text: str, _folder: Path) -> str:
    line = waiting(SystemClock().now(), "heal.failed", Phase.NOTE, incident=None, key=None, fence=None, facts={"error": text})
    return f"{line} {note(line)}"


def _document(text: str, _folder: Path) -> str:
    store = MemoryStore()
    put(store, "incidents/flights-1a2b3c4d/000001/stages/retrain.json", {"sentence": text, "trials": [{"sentence": text}]})
    return _stored(store)


def _stored(store: MemoryStore) -> str:
    return " ".join(store.get(key).data.decode() for key in store.list("")).replace("\\n", "\n").replace('\\"', '"')


def _message(text: str, folder: Path) -> str:
    """The file, the terminal and the mail that Alertmanager makes of a message."""
    told = message(summary=text, description=text)
    file, screen = folder / "messages.jsonl", io.StringIO()
    FileNotifier(file).notify(told)
    TerminalNotifier(Console(file=screen, width=10_000)).notify(told)
    return file.read_text() + screen.getvalue() + str(annotations(told))


def _page(text: str, _folder: Path) -> str:
    return f"{clean(text)} {opening(text)}"


def _metrics(text: str, folder: Path) -> str:
    metric = Metric("modelmedic_told", "gauge", "A value.", ("model", "reason"))
    TextFile(folder).publish("job", "flights", [Sample(metric, 1.0, {"reason": text})])
    return "".join(file.read_text() for file in folder.glob("*.prom"))


def _outputs(text: str, folder: Path) -> str:
    write({"reason": text}, folder)
    return (folder / "reason").read_text()


def _terminal(text: str, _folder: Path) -> str:
    """All that writes to a stream of ours: click, rich, logging and a traceback."""
    inner = io.StringIO()
    stream = RedactingStream(inner)
    click.echo(text, file=stream)  # type: ignore[arg-type]
    Console(file=stream, width=10_000).print(text, markup=False)  # type: ignore[arg-type]
    Console(file=inner, width=40).print(safe(text))
    logger = logging.Logger("attack")
    logger.addHandler(logging.StreamHandler(stream))
    logger.warning("it failed: %s", text)
    try:
        raise ValueError(text)
    except ValueError:
        traceback.print_exc(file=stream)
    return inner.getvalue()


def _address(text: str, _folder: Path) -> str:
    """Addresses that are refused, as an operator mistypes them."""
    told = []
    for use in (lambda: open_store(f"s4://{text}"), lambda: HttpClient(text, "Alertmanager")):
        try:
            use()
        except ModelmedicError as error:
            told.append(str(error))
    return " ".join(told)


_WAYS: Final[dict[str, Way]] = {
    "error": _error,
    "audit record": _record,
    "record that waits": _spooled,
    "stored document": _document,
    "message": _message,
    "page": _page,
    "metrics": _metrics,
    "output of a step": _outputs,
    "terminal and log": _terminal,
    "address": _address,
}


def _all(seed: int) -> list[Planted]:
    return [planted(kind, random.Random(f"{seed}/{kind}")) for kind in KINDS]


def _training(folder: Path) -> Result:
    trained = trained_by("tests.adversary.leaking_training:leaking", folder)
    log = (folder / "out" / "process.log").read_text(errors="replace")
    found = [secret.kind for secret in secrets() if seen(secret, log) or seen(secret, trained.sentence)]
    if log.count(REDACTED) < len(KINDS):
        return not_held(f"the log redacts {log.count(REDACTED)} of {2 * len(KINDS)} secrets; it says {log[-300:]!r}")
    return not_held(f"process.log or the sentence shows {', '.join(found)}") if found else HELD


def _incident_page(seed: int, folder: Path) -> Result:
    """The page of records that were written before records were redacted."""
    site, incident = stories.rejected(folder)
    told = _all(seed)
    for number, secret in enumerate(told):
        plain = to_plain(message(incident=incident.id, model=incident.model, summary=f"m{number}"))
        key = notification_key(incident.model, incident.id, f"{number:032x}")
        site.store.create(key, json.dumps({**plain, "description": secret.text}).encode())
    page = html.unescape(incident_page(gather(site, incident)))
    found = [secret.kind for secret in told if seen(secret, page)]
    if page.count(REDACTED) < len(KINDS) // 2:
        return not_held(f"the page tells {page.count(REDACTED)} of {len(KINDS)} messages")
    return not_held(f"the page shows {', '.join(found)}") if found else HELD


def _registered(seed: int, folder: Path) -> Result:
    """Tags of a registered version, and MLflow's own words of an address with a password."""
    from mlflow import MlflowClient

    told = _all(seed)
    model = sklearn_folder.write(folder / "model", sklearn_folder.trained())
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    tags = {f"t{number}": secret.text[:4000] for number, secret in enumerate(told)}
    made = MlflowRegistry(uri, Names(name="flights"), folder).register(model, key="k", tags={**tags, "cause": told[0].text}, metrics={})
    client = MlflowClient(uri)
    shown = f"{client.get_model_version('flights', made.version)} {client.get_run(str(made.run_id)).data.tags}".replace("\\n", "\n")
    found = [secret.kind for secret in told if seen(secret, shown)]
    return not_held(f"MLflow shows {', '.join(found)}") if found else HELD


def _unreachable_mlflow(folder: Path) -> Result:
    return _told(lambda: MlflowRegistry("http://ada:hunter2@127.0.0.1:9/?token=hunter2hunter2", Names(name="f"), folder).alias("champion"))


def _unreachable_store(_folder: Path) -> Result:
    os.environ |= {"AWS_ENDPOINT_URL": "http://ada:hunter2@127.0.0.1:9", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "hunter2"}
    os.environ["AWS_DEFAULT_REGION"] = "eu-central-1"
    return _told(lambda: open_store("s3://bucket/prefix"))


def _told(call: Callable[[], object]) -> Result:
    try:
        call()
    except ModelmedicError as error:
        return not_held(f"it says {error}") if "hunter2" in repr(error) else HELD
    return not_held("it was reached; expected nobody there")


def _uncaught(seed: int, folder: Path) -> Result:
    secrets = _all(seed)
    (folder / "said").write_text("\n\n".join(secret.text for secret in secrets))
    program = (
        "import pathlib, sys\nfrom modelmedic.steps.adapters.streams import redact_output\nredact_output()\n"
        "raise ValueError(pathlib.Path(sys.argv[1]).read_text())"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(folder / "said")], capture_output=True, text=True, check=False)
    found = [secret.kind for secret in secrets if seen(secret, ended.stdout + ended.stderr)]
    if "ValueError" not in ended.stderr:
        return not_held(f"there is no traceback: {ended.stderr[:300]}")
    return not_held(f"the traceback shows {', '.join(found)}") if found else HELD
