"""The incident ledger: at most one open incident per model, every word on it written once."""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from modelmedic.steps.contracts.codec import canonical, sha256, to_plain
from modelmedic.steps.contracts.decision import PastHeal
from modelmedic.steps.contracts.errors import BadInput, Conflict, NotFound
from modelmedic.steps.contracts.formats import parse
from modelmedic.steps.contracts.incident import Answer, Assessment, Closing, Incident
from modelmedic.steps.contracts.keys import answer_key, incident_id, incident_key, incident_place, model_hash, stage_key
from modelmedic.steps.contracts.ports import Clock, ObjectStore
from modelmedic.steps.contracts.results import Result
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.records.documents import exists, keep, last, read

_DOCUMENT = dict[str, Any]
_AT_ONCE = timedelta(minutes=1)
R = TypeVar("R", bound=Result)


class Ledger:
    """Reads and writes `incidents/` on `store`; epochs are dense, and epoch n + 1 is opened once n
    is closed.
    """

    def __init__(self, store: ObjectStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def open_incident(self, model: str, policy_hash: str, window: Window, alert: str, facts: Mapping[str, str]) -> tuple[Incident, bool]:
        """The model's open incident, and whether this call opened it. An incident that was open
        already gets the alert as evidence.
        """
        while True:
            latest = self._latest(model)
            if latest is not None and not self._is_closed(latest):
                self._attach(latest, {"alert": alert, "facts": dict(facts), "policy_hash": policy_hash, "window": to_plain(window)})
                return latest, False
            epoch = latest.epoch + 1 if latest else 1
            incident = Incident(incident_id(model, epoch), model, epoch, policy_hash, self._clock.now(), window, alert, dict(facts))
            if keep(self._store, _key(incident, "opened.json"), incident)[1]:
                return incident, True

    def find(self, identity: str) -> Incident:
        """Raises NotFound, or BadInput when the text is no incident id."""
        hashed, epoch = incident_place(identity)
        incident = read(self._store, Incident, incident_key(hashed, epoch, "opened.json"))
        if incident is None or incident.id != identity:
            raise NotFound(f"incident {identity} is not in the ledger; `modelmedic incidents` lists those there are")
        return incident

    def incidents(self, model: str | None = None) -> tuple[Incident, ...]:
        """Every incident, by model and epoch."""
        prefix = f"incidents/{model_hash(model)}/" if model is not None else "incidents/"
        keys = [key for key in self._store.list(prefix) if key.endswith("/opened.json")]
        return tuple(parse(Incident, self._store.get(key).data, key) for key in keys)

    def open_incidents(self) -> tuple[Incident, ...]:
        """The open ones of all models."""
        keys = list(self._store.list("incidents/"))
        closed = {key.removesuffix("closed.json") for key in keys if key.endswith("/closed.json")}
        opened = [k for k in keys if k.endswith("/opened.json") and k.removesuffix("opened.json") not in closed]
        return tuple(parse(Incident, self._store.get(key).data, key) for key in opened)

    def newest(self) -> tuple[Incident, ...]:
        """The newest incident of every model."""
        last = {key.split("/")[1]: key for key in self._store.list("incidents/") if key.endswith("/opened.json")}  # in order of epochs
        return tuple(parse(Incident, self._store.get(key).data, key) for key in last.values())

    def current(self, model: str) -> Incident | None:
        """The model's open incident."""
        latest = self._latest(model)
        return latest if latest is not None and not self._is_closed(latest) else None

    def evidence(self, incident: Incident) -> tuple[dict[str, Any], ...]:
        """The evidence attached after the opening, oldest first: `alert`, `facts`, `policy_hash`,
        `window` and `at` of each.
        """
        found = (self._document(key) for key in self._store.list(_key(incident, "evidence/")))
        return tuple(sorted(found, key=lambda document: str(document["at"])))

    def record(self, incident: Incident, result: R) -> R:
        """Write a result down once, with its outputs; the result that stands is returned, which is
        an earlier run's when there is one.
        """
        outputs = {"outputs": dict(result.outputs)} if result.outputs else {}
        stands = self.record_stage(incident, result.name, {**to_plain(result), **outputs})
        return parse(type(result), canonical(stands), _stage_key(incident, result.name))

    def result(self, incident: Incident, kind: type[R]) -> R | None:
        """The recorded result of that kind. Raises BadInput when what is recorded has another
        shape.
        """
        return read(self._store, kind, _stage_key(incident, kind.name))

    def outputs(self, incident: Incident, stage: str) -> dict[str, str] | None:
        """The outputs that the stage has recorded; None before it has."""
        recorded = self.stage(incident, stage)
        return _outputs(recorded) if recorded is not None else None

    def all_outputs(self, incident: Incident) -> dict[str, dict[str, str]]:
        """The outputs of every recorded stage by its name."""
        return {name: _outputs(recorded) for name, recorded in self.stages(incident).items()}

    def record_stage(self, incident: Incident, stage: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Write the stage's result down once, and return what is recorded: an earlier run's result
        when there is one.
        """
        return keep(self._store, _stage_key(incident, stage), dict(to_plain(dict(document))))[0]

    def stage(self, incident: Incident, stage: str) -> dict[str, Any] | None:
        return read(self._store, _DOCUMENT, _stage_key(incident, stage))

    def stages(self, incident: Incident) -> dict[str, dict[str, Any]]:
        """Every recorded stage by its name."""
        keys = list(self._store.list(_key(incident, "stages/")))
        return {key.rpartition("/")[2].removesuffix(".json"): self._document(key) for key in keys}

    def answer(self, incident: Incident, answer: Answer) -> int:
        """Add an answer to the approval request, and return its number, from 1. An answer is never
        replaced, and one that the same person gives twice at once is one.
        """
        while True:
            number = last(lambda n: exists(self._store, _answer_key(incident, n))) + 1
            for key in self._store.list(_key(incident, "answers/")):  # read behind the number, so that what came since takes it
                if _same(parse(Answer, self._store.get(key).data, key), answer):
                    return int(key.rpartition("/")[2].removesuffix(".json"))
            if keep(self._store, _answer_key(incident, number), answer)[1]:
                return number

    def answers(self, incident: Incident) -> tuple[Answer, ...]:
        """The answers in the order in which they were given."""
        keys = list(self._store.list(_key(incident, "answers/")))
        return tuple(parse(Answer, self._store.get(key).data, key) for key in keys)

    def close(self, incident: Incident, closing: Closing) -> Closing:
        """The closing that stands: the first one, whoever comes later."""
        return keep(self._store, _key(incident, "closed.json"), closing)[0]

    def closing(self, incident: Incident) -> Closing | None:
        """The last word, with `effective` filled in once it was assessed."""
        closing = read(self._store, Closing, _key(incident, "closed.json"))
        assessment = self.assessment(incident) if closing else None
        return dataclasses.replace(closing, effective=assessment.effective) if closing and assessment else closing

    def assess(self, incident: Incident, effective: bool, sentence: str, *, told_apart: bool = True) -> Assessment:
        """Say, once, whether the heal helped. Raises Conflict while the incident is open."""
        if not self._is_closed(incident):
            raise Conflict(f"incident {incident.id} is open; expected it closed before its effect is assessed")
        said = Assessment(effective, sentence, self._clock.now(), told_apart)
        return keep(self._store, _key(incident, "effective.json"), said)[0]

    def assessment(self, incident: Incident) -> Assessment | None:
        return read(self._store, Assessment, _key(incident, "effective.json"))

    def documents(self, incident: Incident) -> tuple[str, ...]:
        """The keys of everything that is kept of the incident."""
        return tuple(self._store.list(_key(incident)))

    def past_heals(self, model: str) -> tuple[PastHeal, ...]:
        """The model's closed incidents, oldest first, as the limits on acting count them."""
        return tuple(self._past_heals(model))

    def heals_since(self, moment: datetime) -> tuple[PastHeal, ...]:
        """The incidents of all models that were closed after the moment, by model."""
        return tuple(self._heals_since(moment))

    def _heals_since(self, moment: datetime) -> Iterator[PastHeal]:
        """From each model's newest incident back: one is opened when the one before is closed."""
        keys = [key for key in self._store.list("incidents/") if key.endswith("/closed.json")]
        for _, of_model in itertools.groupby(reversed(keys), lambda key: key.split("/")[1]):
            for key in of_model:
                try:
                    closing = parse(Closing, self._store.get(key).data, key)
                except BadInput:
                    continue  # for whoever heals that model to say
                if closing.at <= moment:
                    break
                _, hashed, epoch, _ = key.split("/")
                yield PastHeal(f"{hashed}-{int(epoch)}", closing.outcome, closing.at, closing.by_error, closing.judged)

    def _past_heals(self, model: str) -> Iterator[PastHeal]:
        for incident in self.incidents(model):
            closing = read(self._store, Closing, _key(incident, "closed.json"))
            if closing is not None:
                yield PastHeal(incident.id, closing.outcome, closing.at, closing.by_error, closing.judged)

    def _latest(self, model: str) -> Incident | None:
        hashed = model_hash(model)
        epoch = last(lambda n: exists(self._store, incident_key(hashed, n, "opened.json")))
        return read(self._store, Incident, incident_key(hashed, epoch, "opened.json")) if epoch else None

    def _is_closed(self, incident: Incident) -> bool:
        return exists(self._store, _key(incident, "closed.json"))

    def _attach(self, incident: Incident, document: dict[str, Any]) -> None:
        """A repeated alert is the same evidence: its name is the hash of what it says, without the
        time.
        """
        key = _key(incident, "evidence", f"{sha256(canonical(document))}.json")
        keep(self._store, key, {**document, "at": to_plain(self._clock.now())})

    def _document(self, key: str) -> dict[str, Any]:
        return parse(_DOCUMENT, self._store.get(key).data, key)


def _same(one: Answer, other: Answer) -> bool:
    def said(answer: Answer) -> tuple[object, ...]:
        return answer.by, answer.approved, answer.digest, answer.verified, answer.signature

    return said(one) == said(other) and abs(one.at - other.at) < _AT_ONCE


def _key(incident: Incident, *parts: str) -> str:
    return incident_key(model_hash(incident.model), incident.epoch, *parts)


def _outputs(document: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in document.get("outputs", {}).items()}


def _stage_key(incident: Incident, stage: str) -> str:
    return stage_key(model_hash(incident.model), incident.epoch, stage)


def _answer_key(incident: Incident, number: int) -> str:
    return answer_key(model_hash(incident.model), incident.epoch, number)
